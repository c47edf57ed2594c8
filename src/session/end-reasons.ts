/**
 * Every way in which a session ends: the code that its client is told (`protocol/rtsp.md` §8), the cause and the remedy
 * that the log names. `docs/errors.md` is made from this table. Pure.
 */

/** Termination codes of `protocol/control.md` §4.7. */
const TERMINATION = { graceful: 0x80030023, encodingFailed: 0x800e9403 } as const;

interface EndKind {
  readonly code: (typeof TERMINATION)[keyof typeof TERMINATION];
  /** The cause, as the log says it. */
  readonly text: string;
  /** What a person does about it; of an end that was wanted, how to go on. */
  readonly remedy: string;
}

/** Why a session ended, and what its client is told. */
export const END_REASONS = {
  cancelled: {
    code: TERMINATION.graceful,
    text: 'the client quit the app',
    remedy: 'nothing to do: launch an app to stream again',
  },
  replaced: {
    code: TERMINATION.graceful,
    text: 'the client launched again',
    remedy: 'nothing to do: the new stream takes its place',
  },
  'host-stopping': {
    code: TERMINATION.graceful,
    text: 'the host is stopping',
    remedy: 'start it again: lumen serve',
  },
  'client-removed': {
    code: TERMINATION.graceful,
    text: 'the client was removed from the paired clients',
    remedy: 'pair it again if that was not meant',
  },
  'handshake-timeout': {
    code: TERMINATION.graceful,
    text: 'the client launched but did not finish the RTSP handshake',
    remedy: 'let the RTSP port through the firewall (TCP, base port + 21); lumen doctor says how',
  },
  'control-timeout': {
    code: TERMINATION.graceful,
    text: 'the client did not connect to the control port',
    remedy: 'let the control port through the firewall (UDP, base port + 10); lumen doctor says how',
  },
  'video-ping-timeout': {
    code: TERMINATION.graceful,
    text: 'no ping of the client reached the video port',
    remedy: 'let the video port through the firewall (UDP, base port + 9); lumen doctor says how',
  },
  'encryption-required': {
    code: TERMINATION.graceful,
    text: 'the client went to an address for which encryption is required, and its stream is not encrypted',
    remedy:
      'resume it: the new stream is encrypted; or change encryption_wan (of other networks) or encryption_lan',
  },
  'app-exited': {
    code: TERMINATION.graceful,
    text: 'the app ended',
    remedy:
      'nothing to do; if it was a launcher that hands over to another process, set exit_ends_stream = false',
  },
  'suspend-expired': {
    code: TERMINATION.graceful,
    text: 'the client did not come back in time',
    remedy: 'launch the app again, or raise suspend_minutes',
  },
  'media-failed': {
    code: TERMINATION.encodingFailed,
    text: 'the media process failed and a restart did not help',
    remedy: 'see the line before this one for the cause; lumen doctor looks at sources and encoders',
  },
} as const satisfies Record<string, EndKind>;

export type EndReason = keyof typeof END_REASONS;
