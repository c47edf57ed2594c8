/** The binding of D-Bus against a real message bus. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { BusError, type BusSignal, MessageBus, sessionBusAddress } from '../../src/support/dbus.js';

const DAEMON = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

describe('a connection to the message bus', () => {
  let daemon: ChildProcess;
  let address: string;
  let bus: MessageBus;

  beforeEach(async () => {
    daemon = spawn('dbus-daemon', ['--session', '--nofork', '--print-address=1'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(daemon.stdout ?? daemon, 'data')) as [Buffer];
    address = line.toString().trim();
    bus = new MessageBus(address);
  });
  afterEach(async () => {
    bus.close();
    if (daemon.exitCode !== null || daemon.signalCode !== null) return;
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');
  });

  it('calls methods and reads what they answer', async () => {
    assert.equal(await bus.hasOwner('org.freedesktop.DBus'), true);
    assert.equal(await bus.hasOwner('org.example.Nobody'), false);
    const [names] = await bus.call({ ...DAEMON, member: 'ListNames' }, '', []);
    assert.ok((names as string[]).includes('org.freedesktop.DBus'));
    const [credentials] = await bus.call({ ...DAEMON, member: 'GetConnectionCredentials' }, 's', [
      'org.freedesktop.DBus',
    ]);
    assert.equal((credentials as Record<string, unknown>)['ProcessID'], daemon.pid);
  });

  it('hears signals, and from whom', async () => {
    const heard = new Promise<BusSignal>((resolve) => {
      bus.onSignal("type='signal',member='NameOwnerChanged',arg0='org.example.Me'", resolve);
    });
    await bus.call({ ...DAEMON, member: 'RequestName' }, 'su', ['org.example.Me', 0]);
    const { values, sender } = await heard;
    assert.deepEqual(values.slice(0, 2), ['org.example.Me', '']);
    assert.equal(sender, 'org.freedesktop.DBus');
  });

  it('knows who has a name, and when they leave it', async () => {
    const other = new MessageBus(address);
    await other.call({ ...DAEMON, member: 'RequestName' }, 'su', ['org.example.Me', 0]);
    assert.match(await bus.requireOwner('org.example.Me'), /^:\d/);
    const left = new Promise<void>((resolve) => bus.onNameLost('org.example.Me', resolve));
    await bus.hasOwner('org.example.Me');
    other.close();
    await left;
    await assert.rejects(bus.requireOwner('org.example.Me'), BusError);
  });

  it('rejects with the name of the error that came back', async () => {
    await assert.rejects(
      bus.call({ ...DAEMON, member: 'NoSuchMethod' }, '', []),
      (error) => error instanceof BusError && error.name.endsWith('UnknownMethod'),
    );
  });

  it('refuses values that do not fit the signature, and sends nothing', async () => {
    const call = (signature: string, values: readonly unknown[]) =>
      bus.call({ ...DAEMON, member: 'RequestName' }, signature, values);
    await assert.rejects(call('su', ['a']), TypeError);
    await assert.rejects(call('su', ['a', -1]), TypeError);
    await assert.rejects(call('a{sv}', [{ key: 'no variant' }]), TypeError);
    await assert.rejects(call('(', [[]]), TypeError);
    assert.equal(bus.isOpen, true);
  });

  it('says that the bus is gone, and fails what was asked', async () => {
    await bus.hasOwner('org.freedesktop.DBus');
    const lost = new Promise((resolve) => bus.onLost(resolve));
    daemon.kill('SIGSTOP');
    const asked = assert.rejects(bus.hasOwner('x.y'), BusError);
    daemon.kill('SIGKILL');
    await lost;
    await asked;
    assert.equal(bus.isOpen, false);
    await assert.rejects(bus.hasOwner('x.y'), BusError);
  });

  it('gives a call up at its deadline', async () => {
    await bus.hasOwner('org.freedesktop.DBus');
    daemon.kill('SIGSTOP');
    await assert.rejects(bus.call({ ...DAEMON, member: 'ListNames' }, '', [], 100), BusError);
    daemon.kill('SIGCONT');
  });

  it('knows where the session bus is', () => {
    assert.equal(sessionBusAddress({}), undefined);
    assert.equal(sessionBusAddress({ XDG_RUNTIME_DIR: '/run/user/1' }), 'unix:path=/run/user/1/bus');
    assert.equal(
      sessionBusAddress({ XDG_RUNTIME_DIR: '/x', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/y' }),
      'unix:path=/y',
    );
  });
});
