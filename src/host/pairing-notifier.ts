/**
 * Tells the person at the desktop that a client waits for its PIN: a notification of the Desktop Notifications
 * Specification 1.2 (`org.freedesktop.Notifications`), taken back when the pairing is over. Where there is no desktop
 * nothing happens: the terminal and `lumen pair --list` say the same.
 */
import type { Environment } from '../config/paths.js';
import type { WaitingClient } from '../nvhttp/pairing.js';
import { MessageBus, sessionBusAddress } from '../support/dbus.js';
import { describeError } from '../support/errors.js';
import { runTask } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';

const NOTIFICATIONS = {
  destination: 'org.freedesktop.Notifications',
  path: '/org/freedesktop/Notifications',
  interface: 'org.freedesktop.Notifications',
} as const;
/** Of the freedesktop.org icon naming specification. */
const ICON = 'input-gaming';
const NORMAL_URGENCY = 1;
const NEVER_EXPIRES = 0;

export interface PairingNotifierOptions {
  /** Says where the session bus is. */
  readonly environment: Environment;
  readonly logger: Logger;
  /** Name that clients show. */
  readonly hostName: string;
  readonly port: number;
}

/** A client chose its name itself: where the desktop reads markup it must not be any. */
const escapeMarkup = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export class PairingNotifier {
  readonly #options: PairingNotifierOptions;
  /** A connection for each notification that is shown. */
  readonly #shown = new Set<MessageBus>();

  constructor(options: PairingNotifierOptions) {
    this.#options = options;
  }

  /**
   * Shows a notification until `over` settles.
   * @param over the outcome of the client's pairing; does not reject
   */
  onWaiting(client: WaitingClient, over: Promise<unknown>): void {
    runTask(this.#options.logger, 'notify the desktop', () => this.#notify(client, over));
  }

  /** Takes all back: without its connection a notification has nobody to answer to. */
  close(): void {
    for (const bus of this.#shown) bus.close();
  }

  async #notify(client: WaitingClient, over: Promise<unknown>): Promise<void> {
    const address = sessionBusAddress(this.#options.environment);
    if (address === undefined) return;
    let bus: MessageBus | undefined;
    try {
      bus = new MessageBus(address);
      this.#shown.add(bus);
      const id = await this.#show(bus, client);
      await over;
      await bus.call({ ...NOTIFICATIONS, member: 'CloseNotification' }, 'u', [id]);
    } catch (error) {
      this.#options.logger.debug({ problem: describeError(error) }, 'no desktop to notify');
    } finally {
      if (bus !== undefined) {
        this.#shown.delete(bus);
        bus.close();
      }
    }
  }

  async #show(bus: MessageBus, { peerAddress, name }: WaitingClient): Promise<unknown> {
    const { hostName, port } = this.#options;
    const [capabilities] = await bus.call({ ...NOTIFICATIONS, member: 'GetCapabilities' }, '', []);
    const hasMarkup = Array.isArray(capabilities) && capabilities.includes('body-markup');
    const who = name.includes(peerAddress) ? name : `${name} at ${peerAddress}`;
    const text = `${who} shows a PIN. Type it in a terminal: lumen pair PIN ${peerAddress} --port ${port}`;
    const [id] = await bus.call({ ...NOTIFICATIONS, member: 'Notify' }, 'susssasa{sv}i', [
      'Lumen',
      0,
      ICON,
      `A client wants to pair with ${hostName}`,
      hasMarkup ? escapeMarkup(text) : text,
      [],
      { urgency: ['y', NORMAL_URGENCY] },
      NEVER_EXPIRES,
    ]);
    return id;
  }
}
