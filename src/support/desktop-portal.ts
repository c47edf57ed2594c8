/**
 * The desktop portal on a session bus, as its interfaces have it in common: many of its methods answer by a signal of a
 * request object. Source: org.freedesktop.portal.Request.
 */
import { randomBytes } from 'node:crypto';
import type { MessageBus } from './dbus.js';
import { withDeadline } from './lifecycle.js';

const NAME = 'org.freedesktop.portal.Desktop';
const OBJECT = '/org/freedesktop/portal/desktop';
const REQUEST = 'org.freedesktop.portal.Request';
/** The first call may have to start the portal itself. */
const ACTIVATION_DEADLINE_MS = 5000;

/** Code of an answer; others than these mean that it ended in some other way. */
export const PORTAL_RESPONSE = { success: 0, cancelled: 1 } as const;

/** Options of a method by name, each with its D-Bus type. */
export type PortalOptions = Readonly<Record<string, readonly [type: string, value: unknown]>>;

export interface PortalAnswer {
  /** See {@link PORTAL_RESPONSE}. */
  readonly code: unknown;
  readonly results: Readonly<Record<string, unknown>>;
}

export interface PortalMethod {
  readonly interface: string;
  readonly member: string;
}

/** A word by which the portal names what a method makes. */
export const randomPortalToken = (): string => `lumen${randomBytes(6).toString('hex')}`;

interface Waiting {
  resolve(values: readonly unknown[]): void;
  reject(error: Error): void;
}

/** The portal that answers on one connection. What it keeps for us ends with the connection. */
export class DesktopPortal {
  readonly #bus: MessageBus;
  /** By the token of the request, which is the last part of its path. */
  readonly #waiting = new Map<string, Waiting>();
  /** Only what comes from this connection is an answer. */
  #owner = '';

  constructor(bus: MessageBus) {
    this.#bus = bus;
    bus.onSignal(`type='signal',interface='${REQUEST}',member='Response'`, ({ path, values, sender }) => {
      if (sender === this.#owner) this.#waiting.get(path.split('/').at(-1) ?? '')?.resolve(values);
    });
    this.onGone(() => this.#giveUp('the desktop portal is gone'));
    bus.onLost((problem) => this.#giveUp(problem));
  }

  /** Calls a method that answers at once. @throws BusError */
  call(method: PortalMethod, signature: string, values: readonly unknown[]): Promise<readonly unknown[]> {
    return this.#bus.call(
      { destination: NAME, path: OBJECT, ...method },
      signature,
      values,
      ACTIVATION_DEADLINE_MS,
    );
  }

  /**
   * Calls a method and waits for its answer.
   * @param signature of `values`; the options come last
   * @param deadlineMs for the answer: where a person is asked it takes as long as they do
   * @throws BusError; Error when no answer came in time
   */
  async request(
    method: PortalMethod,
    signature: string,
    values: readonly unknown[],
    options: PortalOptions,
    deadlineMs: number,
  ): Promise<PortalAnswer> {
    const token = randomPortalToken();
    this.#owner = await this.#bus.requireOwner(NAME, ACTIVATION_DEADLINE_MS);
    // The signal may overtake the method's reply.
    const answered = new Promise<readonly unknown[]>((resolve, reject) =>
      this.#waiting.set(token, { resolve, reject }),
    );
    try {
      const withToken = { ...options, handle_token: ['s', token] };
      const call = this.call(method, `${signature}a{sv}`, [...values, withToken]);
      const both = Promise.all([answered, call]);
      const [[code, results]] = await withDeadline(both, deadlineMs, `the answer to ${method.member}`);
      return { code, results: results as PortalAnswer['results'] };
    } finally {
      this.#waiting.delete(token);
    }
  }

  /** Calls `listener` when the portal ends, and all that it kept with it. */
  onGone(listener: () => void): void {
    this.#bus.onNameLost(NAME, listener);
  }

  #giveUp(problem: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(problem));
  }
}
