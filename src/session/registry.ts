/** The sessions of this host: at most one per client, bounded in number. */
import type { Session } from './session.js';

export class SessionRegistry {
  readonly #byClient = new Map<string, Session>();
  readonly #maxSessions: number;

  /** @param maxSessions sessions at one time, suspended ones included; 1 or more */
  constructor(maxSessions: number) {
    this.#maxSessions = maxSessions;
  }

  get isFull(): boolean {
    return this.#byClient.size >= this.#maxSessions;
  }

  /** @param clientFingerprint SHA-256 of the client's certificate (DER), hex */
  find(clientFingerprint: string): Session | undefined {
    return this.#byClient.get(clientFingerprint);
  }

  all(): readonly Session[] {
    return [...this.#byClient.values()];
  }

  /** @throws when the client has a session or the registry is full: the caller asks first */
  add(session: Session): void {
    if (this.#byClient.has(session.clientFingerprint)) throw new Error('the client has a session already');
    if (this.isFull) throw new Error('there are too many sessions');
    this.#byClient.set(session.clientFingerprint, session);
  }

  /** Forgets this session; one of the same client that came later stays. */
  remove(session: Session): void {
    if (this.#byClient.get(session.clientFingerprint) === session)
      this.#byClient.delete(session.clientFingerprint);
  }
}
