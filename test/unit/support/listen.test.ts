import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { listen } from '../../../src/support/listen.js';

describe('listen', () => {
  it('rejects where the port is taken', async () => {
    const first = net.createServer();
    await listen(first, { host: '127.0.0.1', port: 0 }, assert.fail);
    const { port } = first.address() as net.AddressInfo;
    const isTaken = (error: NodeJS.ErrnoException) => error.code === 'EADDRINUSE';
    await assert.rejects(listen(net.createServer(), { host: '127.0.0.1', port }, assert.fail), isTaken);
    first.close();
    await once(first, 'close');
  });

  it('tells of every connection that could not be accepted, and listens on', async () => {
    const errors: Error[] = [];
    const server = net.createServer((socket) => socket.destroy());
    await listen(server, { host: '127.0.0.1', port: 0 }, (error) => errors.push(error));
    // As Node does where accept(2) fails.
    for (let i = 0; i < 3; i += 1) server.emit('error', new Error('accept EMFILE'));
    assert.equal(errors.length, 3);
    const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
    await once(client, 'connect');
    client.destroy();
    server.close();
    await once(server, 'close');
  });
});
