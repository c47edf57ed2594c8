/**
 * One connection to a message bus, and the words of D-Bus as JavaScript values. Binding of `native/dbus_addon.cc`.
 *
 * By type: `y n q i u x t d` are numbers (64-bit ones exact up to 2^53), `b` a boolean, `s o g` text, `a…` an array,
 * `a{s…}` an object, `(…)` an array, `h` the number of a descriptor that the receiver closes. A variant is written as
 * `[signature, value]` and read as its value alone.
 */
import { loadNative } from './native.js';

const CALL_DEADLINE_MS = 3000;
/** The bus itself, by name and as a sender. */
const DAEMON = 'org.freedesktop.DBus';

/** A method of a remote object. */
export interface BusMethod {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
}

/** What a signal brought. */
export interface BusSignal {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly values: readonly unknown[];
  /** Unique name of the connection that sent it: anybody may send one that a rule fits. */
  readonly sender: string;
}

/** An error reply. `name` is that of D-Bus: `org.freedesktop.DBus.Error.ServiceUnknown`. */
export class BusError extends Error {
  constructor(name: string, text: string) {
    super(text === '' ? name : text);
    this.name = name;
  }
}

interface NativeBus {
  call(
    destination: string,
    path: string,
    interface_: string,
    member: string,
    signature: string,
    values: readonly unknown[],
    timeoutMs: number,
    onReply: (errorName?: string, errorText?: string, values?: unknown[]) => void,
  ): void;
  addMatch(
    rule: string,
    onSignal: (path: string, interface_: string, member: string, values: unknown[], sender: string) => void,
  ): void;
  close(): void;
}
interface DBusAddon {
  Bus: new (address: string, onLost: (problem: string) => void) => NativeBus;
}

/** The address of the session bus, or undefined where the environment names none. */
export const sessionBusAddress = (
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined => {
  const address = environment['DBUS_SESSION_BUS_ADDRESS'];
  if (address) return address;
  const runtimeDir = environment['XDG_RUNTIME_DIR'];
  // Where no variable says otherwise, the user's systemd has put it here.
  return runtimeDir ? `unix:path=${runtimeDir}/bus` : undefined;
};

/** A connection. What was asked before the bus is there waits for it. */
export class MessageBus {
  readonly #bus: NativeBus;
  readonly #pending = new Set<(error: Error) => void>();
  readonly #lostListeners: ((problem: string) => void)[] = [];
  #lost: string | undefined;

  /**
   * Begins to connect.
   * @throws Error with `code` (`ENOENT`, `ECONNREFUSED`, …) where nothing listens; LumenError LUMEN_NATIVE_MISSING
   */
  constructor(address: string) {
    const { Bus } = loadNative('dbus') as DBusAddon;
    this.#bus = new Bus(address, (problem) => this.#onLost(problem));
  }

  get isOpen(): boolean {
    return this.#lost === undefined;
  }

  /**
   * Calls a method.
   * @param signature of `values`, such as `sa{sv}`
   * @returns the values of the reply
   * @throws BusError for an error reply, or when none came in time
   */
  call(
    method: BusMethod,
    signature: string,
    values: readonly unknown[],
    deadlineMs = CALL_DEADLINE_MS,
  ): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== undefined) throw new BusError('lost', this.#lost);
      const { destination, path, interface: interfaceName, member } = method;
      const onReply = (errorName?: string, errorText = '', reply: unknown[] = []): void => {
        this.#pending.delete(reject);
        if (errorName === undefined) resolve(reply);
        else reject(new BusError(errorName, errorText));
      };
      this.#bus.call(destination, path, interfaceName, member, signature, values, deadlineMs, onReply);
      // A call that was refused at once waits for nothing.
      this.#pending.add(reject);
    });
  }

  /**
   * Listens to signals for the life of the connection.
   * @param rule as `AddMatch` takes it: `type='signal',interface='…',member='…'`
   */
  onSignal(rule: string, listener: (signal: BusSignal) => void): void {
    this.#bus.addMatch(rule, (path, interfaceName, member, values, sender) =>
      listener({ path, interface: interfaceName, member, values, sender }),
    );
  }

  /** Calls `listener` when the one who has this name leaves it. */
  onNameLost(name: string, listener: () => void): void {
    const rule = `type='signal',sender='${DAEMON}',member='NameOwnerChanged',arg0='${name}',arg2=''`;
    this.onSignal(rule, ({ sender }) => {
      if (sender === DAEMON) listener();
    });
  }

  /** Calls `listener` once when the connection is lost; not when it is closed from here. */
  onLost(listener: (problem: string) => void): void {
    this.#lostListeners.push(listener);
  }

  /** Whether somebody has this name now. */
  async hasOwner(name: string): Promise<boolean> {
    const [hasOwner] = await this.#askDaemon('NameHasOwner', 's', [name]);
    return hasOwner === true;
  }

  /**
   * The unique name of who has this name; it is started where nobody has.
   * @throws BusError where nothing can be started, or nothing was in time
   */
  async requireOwner(name: string, deadlineMs = CALL_DEADLINE_MS): Promise<string> {
    if (!(await this.hasOwner(name)))
      await this.#askDaemon('StartServiceByName', 'su', [name, 0], deadlineMs);
    const [owner] = await this.#askDaemon('GetNameOwner', 's', [name]);
    return String(owner);
  }

  #askDaemon(
    member: string,
    signature: string,
    values: readonly unknown[],
    deadlineMs?: number,
  ): Promise<readonly unknown[]> {
    const method = { destination: DAEMON, path: '/org/freedesktop/DBus', interface: DAEMON, member };
    return this.call(method, signature, values, deadlineMs);
  }

  /** Ends the connection; calls without reply reject. What the other side keeps for it is gone with it. */
  close(): void {
    this.#end('the connection was closed');
    this.#bus.close();
  }

  #onLost(problem: string): void {
    this.#end(`the connection to the message bus was lost: ${problem}`);
    for (const listener of this.#lostListeners) listener(problem);
  }

  #end(problem: string): void {
    this.#lost ??= problem;
    for (const reject of this.#pending) reject(new BusError('lost', problem));
    this.#pending.clear();
  }
}
