/**
 * Structured logs: one pino logger per process, one child per module and session. Messages are static lower-case
 * text, data goes into fields; secrets are redacted by name.
 */
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

/**
 * Makes the process's logger, writing to standard error.
 * @param level lowest level that is written
 * @param pretty human-readable lines instead of JSON lines
 */
export const createLogger = (level: LogLevel, pretty: boolean): Logger => {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: [...SECRETS, ...SECRETS.map((name) => `*.${name}`)], censor: '[secret]' },
  };
  if (!pretty) return pino(options, pino.destination({ fd: 2, sync: true }));
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
   * @param key what makes two events the same; must come from a small fixed set
   */
  warn(key: string, fields: object, message: string): void {
    const nowMs = performance.now();
    const entry = this.#seen.get(key) ?? { nextMs: 0, suppressed: 0 };
    this.#seen.set(key, entry);
    if (nowMs < entry.nextMs) {
      entry.suppressed += 1;
      return;
    }
    this.#logger.warn(entry.suppressed > 0 ? { ...fields, repeated: entry.suppressed } : fields, message);
    entry.suppressed = 0;
    entry.nextMs = nowMs + this.#intervalMs;
  }
}
