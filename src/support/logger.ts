/**
 * Structured logs: one pino logger per process, one child per module and session. Messages are static lower-case
 * text, data goes into fields; secrets are redacted by name.
 */
import fs from 'node:fs';
import pino from 'pino';

export type Logger = pino.Logger;
export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** Fields whose value is never written, at the top of a log line or one level below. */
export const SECRETS: readonly string[] = [
  'pin',
  'riKey',
  'rikey',
  'key',
  'privateKey',
  'pingPayload',
  'videoPingPayload',
  'audioPingPayload',
];

/** Priorities of sd-daemon(3), from the highest of pino's levels down. */
const PRIORITIES = [
  [50, 3],
  [40, 4],
  [30, 6],
] as const;
const DEBUG_PRIORITY = 7;

const formatField = ([name, value]: [string, unknown]): string =>
  `${name}=${typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value)}`;

/**
 * A line for the journal, which knows time and process itself: its priority, the message, the fields.
 * @param line a JSON line of pino
 */
export const toJournalLine = (line: string): string => {
  const { level, time: _, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const priority = PRIORITIES.find(([least]) => Number(level) >= least)?.[1] ?? DEBUG_PRIORITY;
  return `${[`<${priority}>${msg}`, ...Object.entries(fields).map(formatField)].join(' ')}\n`;
};

/** Lines for people at a terminal or in the journal, or for machines. */
export type LogStyle = 'terminal' | 'journal' | 'json';

/** The style that fits standard error. Systemd names the stream that it opened for the journal (systemd.exec(5)). */
export const chooseLogStyle = (options: {
  readonly environment: Readonly<Record<string, string | undefined>>;
}): LogStyle => {
  if (process.stderr.isTTY === true) return 'terminal';
  const { dev, ino } = fs.fstatSync(2);
  return options.environment['JOURNAL_STREAM'] === `${dev}:${ino}` ? 'journal' : 'json';
};

/**
 * Makes the process's logger, writing to standard error.
 * @param level lowest level that is written
 */
export const createLogger = (level: LogLevel, style: LogStyle): Logger => {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: [...SECRETS, ...SECRETS.map((name) => `*.${name}`)], censor: '[secret]' },
  };
  if (style !== 'terminal') {
    const stderr = pino.destination({ fd: 2, sync: true });
    if (style === 'json') return pino(options, stderr);
    return pino(options, { write: (line) => stderr.write(toJournalLine(line)) });
  }
  return pino({
    ...options,
    transport: {
      target: 'pino-pretty',
      options: { destination: 2, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' },
    },
  });
};

/** A logger that writes nothing: for tests of pure code. */
export const createSilentLogger = (): Logger => pino({ level: 'silent' });

const MAX_KEYS = 256;

/** Counts events and lets a log line through at most once per `intervalMs` and key: bad input must not flood the log. */
export class RateLimitedWarning {
  readonly #logger: Logger;
  readonly #intervalMs: number;
  readonly #seen = new Map<string, { nextMs: number; suppressed: number }>();

  constructor(logger: Logger, intervalMs = 10_000) {
    this.#logger = logger;
    this.#intervalMs = intervalMs;
  }

  /**
   * Logs `message` at level warn, or counts it into the next line with the same key.
   * @param key what makes two events the same; of more than 256 the oldest are forgotten
   */
  warn(key: string, fields: object, message: string): void {
    const nowMs = performance.now();
    const entry = this.#seen.get(key) ?? { nextMs: 0, suppressed: 0 };
    this.#seen.set(key, entry);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MAX_KEYS && oldest !== undefined) this.#seen.delete(oldest);
    if (nowMs < entry.nextMs) {
      entry.suppressed += 1;
      return;
    }
    this.#logger.warn(entry.suppressed > 0 ? { ...fields, repeated: entry.suppressed } : fields, message);
    entry.suppressed = 0;
    entry.nextMs = nowMs + this.#intervalMs;
  }
}
