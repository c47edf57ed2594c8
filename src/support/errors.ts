/**
 * The one error class of Lumen and the table of every error a user can meet.
 * `docs/errors.md` is checked against this table both ways; codes are never reused.
 */

/** What a code means to the person who meets it. `{name}` parts are filled from the error's details. */
interface ErrorKind {
  /** What happened, with the value that was received. */
  readonly message: string;
  /** The next command or setting to try. */
  readonly remedy: string;
  /** Process exit status when this error ends a command. */
  readonly exitCode: number;
}

export const ERROR_KINDS = {
  LUMEN_USAGE: {
    message: '{problem}',
    remedy: 'run: lumen --help',
    exitCode: 2,
  },
  LUMEN_CONFIG_INVALID: {
    message: 'The configuration is not valid: {key}: {problem}',
    remedy: '{remedy}',
    exitCode: 2,
  },
  LUMEN_STATE_UNREADABLE: {
    message: 'The file {file} cannot be used: {problem}',
    remedy: 'repair it, or move it away: Lumen then starts with a new one and clients must pair again',
    exitCode: 3,
  },
  LUMEN_PORT_BUSY: {
    message: 'Port {port} ({use}) on {address} is already in use',
    remedy: 'stop the other host (is another lumen serve running?) or choose another base port: --port N',
    exitCode: 4,
  },
  LUMEN_BIND_FAILED: {
    message: 'Port {port} ({use}) cannot be opened on {address}: {problem}',
    remedy: '{remedy}',
    exitCode: 4,
  },
  LUMEN_PORT_RANGE: {
    message: 'Base port {port} is out of range',
    remedy: 'choose a base port from 1029 to 65514: --port N',
    exitCode: 2,
  },
  LUMEN_NATIVE_MISSING: {
    message: 'The native part {name} is not built: {problem}',
    remedy: 'run: npm run setup (of a package: install it again)',
    exitCode: 5,
  },
  LUMEN_ENCODER_MISSING: {
    message: 'No usable encoder stage for {codec}: {problem}',
    remedy: 'install gstreamer1.0-plugins-ugly (x264enc) or gstreamer1.0-plugins-bad (openh264enc)',
    exitCode: 6,
  },
  LUMEN_PIPELINE_INVALID: {
    message: 'The pipeline description {file} cannot be used: {problem}',
    remedy: '{remedy}',
    exitCode: 6,
  },
  LUMEN_SOURCE_MISSING: {
    message: 'The video source {source} does not exist{alternatives}',
    remedy: 'list what there is with: lumen sources, or use --source test',
    exitCode: 7,
  },
  LUMEN_CAPTURE_FAILED: {
    message: '{capture} gives no picture: {problem}',
    remedy: '{remedy}',
    exitCode: 7,
  },
  LUMEN_CAPTURE_REFUSED: {
    message: '{capture} was not allowed to show the screen: {problem}',
    remedy: '{remedy}',
    exitCode: 7,
  },
  LUMEN_SOUND_UNREACHABLE: {
    message: 'The sound server cannot be asked: {problem}',
    remedy:
      'start it in this login session (systemctl --user start pipewire-pulse), or choose --audio-source none',
    exitCode: 7,
  },
  LUMEN_PIPEWIRE_UNREACHABLE: {
    message: 'PipeWire cannot be asked for its nodes: {problem}',
    remedy: 'start PipeWire in this login session (systemctl --user start pipewire) or use --source test',
    exitCode: 7,
  },
  LUMEN_MEDIA_FAILED: {
    message: 'The media process failed: {problem}',
    remedy: 'look for the first error of this session in the log; GST_DEBUG=3 lumen serve says more',
    exitCode: 8,
  },
  LUMEN_CONTROL_SOCKET: {
    message: 'No running lumen serve answers at {path}: {problem}',
    remedy: '{remedy}',
    exitCode: 9,
  },
  LUMEN_PAIRING_REFUSED: {
    message: 'Pairing was refused: {problem}',
    remedy: '{remedy}',
    exitCode: 10,
  },
  LUMEN_APP_FAILED: {
    message: 'The app {title} cannot be started: {problem}',
    remedy: '{remedy}',
    exitCode: 12,
  },
  LUMEN_PROBE_FAILED: {
    message: 'The probe failed at stage "{stage}": {problem}',
    remedy: '{remedy}',
    exitCode: 11,
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;
export type ErrorDetails = Readonly<Record<string, string | number | bigint | boolean>>;

const fill = (template: string, details: ErrorDetails): string =>
  template.replace(/\{(\w+)\}/g, (whole, name: string) => String(details[name] ?? whole));

/** An error with a code from {@link ERROR_KINDS}, the values that caused it and what to do next. */
export class LumenError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly remedy: string;
  readonly exitCode: number;

  /**
   * @param code a key of the error table
   * @param details the values that the table's texts name; missing ones stay visible as `{name}`
   * @param cause the error underneath, kept for the log
   */
  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) {
    super(fill(ERROR_KINDS[code].message, details), cause === undefined ? undefined : { cause });
    this.name = 'LumenError';
    this.code = code;
    this.details = details;
    this.remedy = fill(ERROR_KINDS[code].remedy, details);
    this.exitCode = ERROR_KINDS[code].exitCode;
  }
}

/** The text of anything that was thrown. */
export const describeError = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
