/** What the listeners bear: bad bytes, floods, silence, busy ports. Over real sockets on loopback. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import type { ClientStore } from '../../../src/identity/client-store.js';
import type { PairingDesk } from '../../../src/nvhttp/pairing.js';
import { type Nvhttp, startNvhttp } from '../../../src/nvhttp/server.js';
import { LumenError } from '../../../src/support/errors.js';
import { createSilentLogger } from '../../../src/support/logger.js';
import { type FakeHost, type Keys, makeFolder, makeKeys, startEndpoints, until } from './endpoints.js';
import { type Answer, getHttp, getHttps, statusOf } from './pairing-client.js';

describe('the listeners', function () {
  this.timeout(10_000); // a busy machine may stall for seconds

  let keys: Keys;
  let clients: ClientStore;
  let pairing: PairingDesk;
  let host: FakeHost;
  let server: Nvhttp;

  const overHttp = (target: string) => getHttp(server.httpPort, target);
  const sendRaw = async (port: number, bytes: string | Buffer): Promise<string> => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    const parts: Buffer[] = [];
    socket.on('data', (part) => parts.push(part));
    socket.end(bytes);
    await once(socket, 'close');
    return Buffer.concat(parts).toString('latin1');
  };

  before(async () => {
    keys = await makeKeys(makeFolder());
  });
  beforeEach(async () => {
    ({ clients, pairing, host, server } = await startEndpoints(keys));
  });
  afterEach(() => server.close());
  after(() => fs.rmSync(keys.folder, { recursive: true }));

  describe('bad input', () => {
    const isServing = async () => assert.equal(statusOf((await overHttp('/serverinfo')).text), 200);

    it('other methods, unknown paths and malformed queries get XML errors under HTTP 200', async () => {
      const expectStatus = (answer: Answer, status: number) => {
        assert.equal(answer.httpStatus, 200);
        assert.equal(statusOf(answer.text), status);
      };
      expectStatus(await getHttp(server.httpPort, '/serverinfo', { method: 'POST' }), 405);
      expectStatus(await getHttp(server.httpPort, '/serverinfo', { method: 'DELETE' }), 405);
      for (const target of ['/', '/ServerInfo', '//serverinfo', '/serverinfo/', '/../serverinfo', '/x?y=1']) {
        expectStatus(await overHttp(target), 404);
      }
      for (const target of [
        '/serverinfo?a=%',
        '/serverinfo?a=1&a=2',
        `/serverinfo?${'&x='.repeat(3)}&%ff=1`,
      ]) {
        expectStatus(await overHttp(target), 400);
      }
    });

    it('a request line of 16 KiB is read, one beyond all bounds is refused', async () => {
      const answer = await overHttp(`/serverinfo?filler=${'0'.repeat(16 * 1024 - 40)}`);
      assert.equal(statusOf(answer.text), 200);
      const text = await sendRaw(
        server.httpPort,
        `GET /serverinfo?x=${'0'.repeat(64 * 1024)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      );
      assert.match(text, /^(HTTP\/1\.1 431|$)/);
      await until(() => server.counters().malformed === 1);
      await isServing();
    });

    it('bytes that are no HTTP or no TLS do not disturb anybody', async () => {
      const noise = Buffer.from(Array.from({ length: 2000 }, (_, index) => (index * 131 + 7) & 0xff));
      assert.match(await sendRaw(server.httpPort, noise), /^HTTP\/1\.1 400/);
      await sendRaw(server.httpsPort, noise);
      await sendRaw(server.httpsPort, 'GET /serverinfo HTTP/1.1\r\n\r\n');
      await until(() => server.counters().tlsErrors >= 2);
      await isServing();
      assert.equal(statusOf((await getHttps(server.httpsPort, '/serverinfo', keys.paired)).text), 200);
    });

    it('one connection gets one answer, however many requests it carries', async () => {
      const socket = net.connect(server.httpPort, '127.0.0.1');
      socket.write('GET /serverinfo HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(500));
      let text = '';
      for await (const part of socket) text += part;
      assert.equal(text.split('<root').length - 1, 1);
      assert.equal(server.counters().httpRequests, 1);
    });

    it('a body that never comes does not hold a connection', async () => {
      const socket = net.connect(server.httpPort, '127.0.0.1');
      socket.write('POST /serverinfo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n');
      let text = '';
      for await (const part of socket) text += part;
      assert.equal(statusOf(text), 405);
      await until(() => server.counters().openConnections === 0);
    });

    it('connections that close without a word count as nothing', async () => {
      for (const port of [server.httpPort, server.httpsPort]) {
        const politely = net.connect(port, '127.0.0.1');
        await once(politely, 'connect');
        politely.end();
        const rudely = net.connect(port, '127.0.0.1');
        await once(rudely, 'connect');
        rudely.resetAndDestroy();
      }
      await until(() => server.counters().openConnections === 0);
      const { malformed, httpRequests, httpsRequests } = server.counters();
      assert.deepEqual([malformed, httpRequests, httpsRequests], [0, 0, 0]);
      await isServing();
    });

    it('silent connections are bounded in number and in time', async () => {
      await server.close();
      const limits = { maxConnectionsPerAddress: 4, requestTimeoutMs: 100, handshakeTimeoutMs: 100 };
      ({ server } = await startEndpoints(keys, limits));
      for (const port of [server.httpPort, server.httpsPort]) {
        const refusedBefore = server.counters().refusedConnections;
        const sockets = Array.from({ length: 20 }, () => net.connect(port, '127.0.0.1'));
        for (const socket of sockets) {
          socket.on('error', () => {});
          socket.resume();
        }
        await until(() => server.counters().refusedConnections - refusedBefore === 16);
        assert.ok(server.counters().openConnections <= 4);
        await until(() => server.counters().openConnections === 0);
        for (const socket of sockets) socket.destroy();
      }
      await isServing();
    });
  });

  describe('starting and closing', () => {
    it('a busy port is an error that names it, and nothing stays open', async () => {
      const options = {
        identity: keys.identity,
        clients,
        pairing,
        host,
        logger: createSilentLogger(),
        bindAddress: '127.0.0.1',
      };
      const isBusy = (port: number) => (error: unknown) =>
        error instanceof LumenError && error.code === 'LUMEN_PORT_BUSY' && error.details['port'] === port;
      await assert.rejects(
        startNvhttp({ ...options, httpPort: server.httpPort, httpsPort: 0 }),
        isBusy(server.httpPort),
      );
      await assert.rejects(
        startNvhttp({ ...options, httpPort: 0, httpsPort: server.httpsPort }),
        isBusy(server.httpsPort),
      );
    });

    it('an address that no interface has is a configuration error', async () => {
      const options = {
        identity: keys.identity,
        clients,
        pairing,
        host,
        logger: createSilentLogger(),
        bindAddress: '203.0.113.9',
      };
      await assert.rejects(
        startNvhttp({ ...options, httpPort: 0, httpsPort: 0 }),
        (error) =>
          error instanceof LumenError &&
          error.code === 'LUMEN_BIND_FAILED' &&
          /0\.0\.0\.0/.test(error.remedy),
      );
    });

    it('closing does not wait for idle connections', async () => {
      const idle = net.connect(server.httpPort, '127.0.0.1');
      await once(idle, 'connect');
      await until(() => server.counters().openConnections === 1);
      const ended = once(idle, 'close');
      idle.on('error', () => {});
      idle.resume();
      await server.close();
      await ended;
    });
  });
});
