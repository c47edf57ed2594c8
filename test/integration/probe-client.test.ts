/** The probe's HTTP, HTTPS and RTSP connections against hosts that misbehave: real sockets on loopback. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { generateKeyPair, type KeyPair } from '../../src/identity/key-pair.js';
import { type RequestOptions, requestHost } from '../../src/probe/http-client.js';
import { exchangeRtsp } from '../../src/probe/rtsp-transport.js';
import { LumenError } from '../../src/support/errors.js';

type Serve = (socket: net.Socket) => void;

const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;

const answerWith =
  (text: string): Serve =>
  (socket) => {
    socket.once('data', () => socket.end(text));
  };

const isProbeFailure = (pattern: RegExp) => (error: unknown) =>
  error instanceof LumenError && error.code === 'LUMEN_PROBE_FAILED' && pattern.test(error.message);

describe('the connections of the probe', () => {
  const servers: net.Server[] = [];
  const sockets = new Set<net.Socket>();
  let host: KeyPair;
  let client: KeyPair;

  const keep = (socket: net.Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  };

  const listen = async (server: net.Server): Promise<number> => {
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return portOf(server);
  };

  const serve = (handle: Serve): Promise<number> =>
    listen(
      net.createServer((socket) => {
        keep(socket);
        handle(socket);
      }),
    );

  const serveTls = (handle: Serve): Promise<number> =>
    listen(
      tls.createServer(
        { key: host.privateKeyPem, cert: host.certificatePem, requestCert: true, rejectUnauthorized: false },
        (socket) => {
          keep(socket);
          handle(socket);
        },
      ),
    );

  const get = (port: number, extra: Partial<RequestOptions> = {}) =>
    requestHost({ host: '127.0.0.1', port, path: '/serverinfo', timeoutMs: 3000, ...extra });

  const ok = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n';

  before(async () => {
    [host, client] = await Promise.all([generateKeyPair('host'), generateKeyPair('client')]);
  });

  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  it('read a reply that ends with its connection', async () => {
    const reply = await get(
      await serve(answerWith(`${ok}<root status_code="200"><hostname>h</hostname></root>`)),
    );
    assert.equal(reply.text('hostname'), 'h');
  });

  it('send one GET with the parameters of a stock client', async () => {
    let request = '';
    const port = await serve((socket) => {
      socket.once('data', (data) => {
        request = data.toString();
        socket.end(`${ok}<root status_code="200"/>`);
      });
    });
    await get(port, { query: { devicename: 'roth', updateState: 1 } });
    assert.match(
      request,
      /^GET \/serverinfo\?uniqueid=0123456789ABCDEF&uuid=[0-9a-f]{32}&devicename=roth&updateState=1 HTTP\/1\.1\r\n/,
    );
    assert.match(request, /connection: close/i);
  });

  it('fail with a reason where the host answers badly or not at all', async () => {
    const cases: [Serve, RegExp][] = [
      [answerWith(`${ok}<html>`), /root|XML/],
      [answerWith('HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n'), /HTTP status 503/],
      [answerWith('SSH-2.0-OpenSSH_9.2\r\n'), /does not answer/],
      [answerWith(''), /does not answer/],
      [(socket) => socket.destroy(), /does not answer/],
      [
        answerWith(`HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<root status_code="200"/>`),
        /does not answer/,
      ],
    ];
    for (const [handle, pattern] of cases)
      await assert.rejects(get(await serve(handle)), isProbeFailure(pattern));
  });

  it('give a silent host up at the deadline, and any host when the caller says so', async () => {
    const port = await serve(() => undefined);
    await assert.rejects(get(port, { timeoutMs: 50 }), isProbeFailure(/no answer in time/));
    const controller = new AbortController();
    const waiting = get(port, { timeoutMs: 0, signal: controller.signal });
    controller.abort();
    await assert.rejects(waiting, isProbeFailure(/given up/));
  });

  it('stop reading a reply that does not end', async () => {
    const port = await serve((socket) => {
      socket.write(ok);
      const more = (): void => {
        while (!socket.destroyed && socket.write('x'.repeat(65_536)));
      };
      socket.on('drain', more);
      more();
    });
    await assert.rejects(get(port), isProbeFailure(/longer than/));
  });

  it('send nothing to a host that shows another certificate than the pinned one', async () => {
    let received = 0;
    const port = await serveTls((socket) => {
      socket.on('data', (data) => {
        received += data.length;
      });
    });
    const identity = { certPem: client.certificatePem, keyPem: client.privateKeyPem };
    const stranger = await generateKeyPair('somebody else');
    await assert.rejects(
      get(port, { tls: { ...identity, hostCertPem: stranger.certificatePem } }),
      isProbeFailure(/another certificate/),
    );
    assert.equal(received, 0);
  });

  it('speak to the pinned host over TLS and show their own certificate', async () => {
    let subject: unknown;
    const port = await serveTls((socket) => {
      if (socket instanceof tls.TLSSocket) subject = socket.getPeerCertificate().subject.CN;
      answerWith(`${ok}<root status_code="200"/>`)(socket);
    });
    const identity = { certPem: client.certificatePem, keyPem: client.privateKeyPem };
    const reply = await get(port, { tls: { ...identity, hostCertPem: host.certificatePem } });
    assert.equal(reply.status, 200);
    assert.equal(subject, 'client');
  });

  it('return an RTSP reply at the FIN of the host, however it was cut into pieces', async () => {
    const port = await serve((socket) => {
      socket.once('data', () => {
        socket.write('RTSP/1.0 200');
        setImmediate(() => socket.end(' OK\r\nCSeq: 1\r\n\r\n'));
      });
    });
    const reply = await exchangeRtsp({ address: '127.0.0.1', port }, Buffer.from('OPTIONS'));
    assert.equal(reply.toString(), 'RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n');
  });

  it('try a refused RTSP port again, as the host may still be opening it', async () => {
    const free = net.createServer();
    const port = await listen(free);
    free.close();
    await once(free, 'close');
    const reply = exchangeRtsp({ address: '127.0.0.1', port }, Buffer.from('x'));
    const late = net.createServer((socket) => {
      keep(socket);
      answerWith('late')(socket);
    });
    servers.push(late);
    setTimeout(() => late.listen(port, '127.0.0.1'), 100);
    assert.equal((await reply).toString(), 'late');
  });

  it('give an RTSP exchange up when the host resets it or the caller says so', async () => {
    const resetting = await serve((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    await assert.rejects(exchangeRtsp({ address: '127.0.0.1', port: resetting }, Buffer.from('x')));
    const silent = await serve(() => undefined);
    const controller = new AbortController();
    const waiting = exchangeRtsp(
      { address: '127.0.0.1', port: silent, signal: controller.signal },
      Buffer.from('x'),
    );
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(waiting, /given up/);
  });
});
