/** What an ENet host asks of its caller, and that nothing is left of it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { EnetHost } from '../../../src/control/enet.js';
import { Collected } from '../../support/garbage.js';
import { until } from '../../support/serve.js';

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

describe('the binding of ENet', () => {
  it('names a bad argument', () => {
    assert.throws(
      () => EnetHost.listen({ address: 'nowhere', port: 0, maxPeers: 1, channelLimit: 1 }, {}),
      /numeric IPv4/,
    );
    assert.throws(
      () => EnetHost.listen({ address: '127.0.0.1', port: 70_000, maxPeers: 1, channelLimit: 1 }, {}),
      /port must be an integer from 0 to 65535, got 70000/,
    );
    const host = EnetHost.createClient({});
    const wrong = (value: unknown) => value as never;
    assert.throws(() => host.send(1, 0, wrong({}), 'reliable'), {
      name: 'TypeError',
      message: 'data must be a Buffer, got an object',
    });
    assert.throws(
      () => host.send(1, 0, Buffer.alloc(1), wrong('fast')),
      /delivery must be reliable, unreliable or unsequenced, got "fast"/,
    );
    assert.throws(() => host.disconnect(wrong(Symbol('one')), 0, 'now'), /peerId must be .*, got a symbol/);
    assert.throws(
      () => host.setExpected([], wrong([5])),
      /addresses must be an array of strings, got an array/,
    );
    assert.throws(() => host.connect(wrong({ port: 1 })), /address must be a string, got undefined/);
    host.close();
  });

  it('is collected once it is closed, whether it had connections or not', async () => {
    const collected = new Collected();
    for (let round = 0; round < 20; round += 1) {
      const host = EnetHost.createClient({});
      collected.watch(host);
      if (round % 2 === 0) host.connect({ address: '127.0.0.1', port: 9, channels: 1, data: 0 });
      host.close();
    }
    await collected.reaches(19);
  });

  it('ends with the environment that it was made in, in the middle of a connection', async () => {
    const binding = new URL('../../../src/control/enet.js', import.meta.url).href;
    const code = `import('${binding}').then(({ EnetHost }) => {
      const options = { address: '127.0.0.1', port: 0, maxPeers: 4, channelLimit: 1 };
      const { parentPort } = require('node:worker_threads');
      const server = EnetHost.listen(options, { onConnect: () => parentPort.postMessage('connected') });
      const client = EnetHost.createClient({});
      client.connect({ address: '127.0.0.1', port: server.port, channels: 1, data: 0 });
    });`;
    const before = openDescriptors();
    const worker = new Worker(code, { eval: true });
    assert.deepEqual(await once(worker, 'message'), ['connected']);
    await worker.terminate();
    await until(() => openDescriptors() <= before, 'the sockets are closed');
  });
});
