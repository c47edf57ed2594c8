/** The binding of D-Bus against a real message bus. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { BusError, type BusSignal, MessageBus, sessionBusAddress } from '../../src/support/dbus.js';
import { killChild } from '../support/children.js';
import { Collected } from '../support/garbage.js';
import { until } from '../support/serve.js';

const PEER = fileURLToPath(new URL('../../../test/support/dbus_peer.py', import.meta.url));

const DAEMON = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

const openDescriptors = (): number => fs.readdirSync('/proc/self/fd').length;

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
    await killChild(daemon);
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

  it('refuses text that D-Bus cannot carry, and names what is none of its type', async () => {
    const call = (signature: string, ...values: readonly unknown[]) =>
      bus.call({ ...DAEMON, member: 'NameHasOwner' }, signature, values);
    await assert.rejects(call('s', 'cut\0short'), /D-Bus type s cannot take/);
    await assert.rejects(call('o', 'no/path'), {
      name: 'TypeError',
      message: /type o cannot take "no\/path"/,
    });
    await assert.rejects(call('t', 2 ** 60), /type t cannot take 1152921504606847000/);
    await assert.rejects(call('x', Number.NaN), /type x cannot take NaN/);
    await assert.rejects(call('s', Symbol('none')), /type s cannot take a symbol/);
    await assert.rejects(call('v', ['ss', 'a']), /not one D-Bus type: "ss"/);
    await assert.rejects(bus.call({ ...DAEMON, path: 'nowhere', member: 'GetId' }, '', []), {
      name: 'TypeError',
      message: /not a D-Bus method: org.freedesktop.DBus nowhere/,
    });
    assert.throws(() => new MessageBus('unix:path=/a\0b'), /address must be a string without NUL characters/);
    assert.equal(bus.isOpen, true);
  });

  it('keeps no descriptor of a reply that cannot be read, of a signal, nor of one that came too late', async () => {
    const peer = spawn('/usr/bin/python3', [PEER], {
      env: { ...process.env, DBUS_SESSION_BUS_ADDRESS: address },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    try {
      const method = { destination: 'org.example.Peer', path: '/', interface: 'org.example.Peer' };
      await until(() => bus.hasOwner(method.destination), 'the peer has its name', 20_000);
      const [fd] = await bus.call({ ...method, member: 'Readable' }, '', []);
      assert.equal(fs.readFileSync(Number(fd), 'utf8'), 'passed on');
      fs.closeSync(Number(fd));
      const before = openDescriptors();
      for (let round = 0; round < 5; round += 1)
        await assert.rejects(bus.call({ ...method, member: 'Unreadable' }, '', []), { name: 'unreadable' });
      const heard = new Promise((resolve) =>
        bus.onSignal("type='signal',interface='org.example.Peer'", ({ values }) => resolve(values)),
      );
      await bus.call({ ...method, member: 'Signal' }, '', []);
      assert.deepEqual(await heard, [undefined, 'after it']);
      await assert.rejects(bus.call({ ...method, member: 'Late' }, '', [], 20), BusError);
      await bus.call({ ...method, member: 'Quiet' }, '', []);
      await until(() => openDescriptors() <= before, 'none is left');
    } finally {
      await killChild(peer);
    }
  });

  it('is collected once it is closed', async () => {
    const collected = new Collected();
    for (let round = 0; round < 20; round += 1) {
      const other = new MessageBus(address);
      collected.watch(other);
      other.onSignal("type='signal',member='NameOwnerChanged'", () => void other.isOpen);
      other.onLost(() => void other.isOpen);
      const answered = other.hasOwner('org.freedesktop.DBus');
      if (round % 2 === 0) await answered;
      other.close();
      await answered.catch(() => undefined);
    }
    await collected.reaches(19);
  });

  it('ends with the environment that it was made in', async () => {
    const binding = new URL('../../src/support/dbus.js', import.meta.url).href;
    const code = `import('${binding}').then(({ MessageBus }) => {
      const bus = new MessageBus(${JSON.stringify(address)});
      return bus.hasOwner('org.freedesktop.DBus').then(() => postMessage('ready'));
    });
    const { parentPort } = require('node:worker_threads');
    const postMessage = (text) => parentPort.postMessage(text);`;
    const before = openDescriptors();
    const worker = new Worker(code, { eval: true });
    assert.deepEqual(await once(worker, 'message'), ['ready']);
    await worker.terminate();
    await until(() => openDescriptors() <= before, 'the connection is closed');
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
