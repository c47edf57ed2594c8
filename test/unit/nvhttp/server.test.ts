/** What the endpoints answer, over real sockets on loopback. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { ClientStore } from '../../../src/identity/client-store.js';
import type { KeyPair } from '../../../src/identity/key-pair.js';
import type { PairingDesk } from '../../../src/nvhttp/pairing.js';
import type { Nvhttp } from '../../../src/nvhttp/server.js';
import { H264 } from '../../support/plans.js';
import { type FakeHost, type Keys, makeFolder, makeKeys, startEndpoints, until } from './endpoints.js';
import { finishPairing, getHttp, getHttps, startPairing, statusOf, textOf } from './pairing-client.js';

const LAUNCH = `/launch?uniqueid=1&appid=5&mode=1280x720x60&rikey=${'ab'.repeat(16)}&rikeyid=7&localAudioPlayMode=0&corever=1`;

describe('the endpoints', function () {
  this.timeout(10_000); // a busy machine may stall for seconds

  let keys: Keys;
  let paired: KeyPair;
  let stranger: KeyPair;
  let clients: ClientStore;
  let pairing: PairingDesk;
  let host: FakeHost;
  let server: Nvhttp;

  const overHttp = (target: string) => getHttp(server.httpPort, target);
  const overHttps = (target: string, client: KeyPair | null = paired) =>
    getHttps(server.httpsPort, target, client);

  before(async () => {
    keys = await makeKeys(makeFolder());
    ({ paired, stranger } = keys);
  });
  beforeEach(async () => {
    ({ clients, pairing, host, server } = await startEndpoints(keys));
  });
  afterEach(() => server.close());
  after(() => fs.rmSync(keys.folder, { recursive: true }));

  describe('serverinfo', () => {
    it('over HTTP is for strangers', async () => {
      const { httpStatus, headers, text } = await overHttp('/serverinfo?uniqueid=1&uuid=2');
      assert.equal(httpStatus, 200);
      assert.equal(headers.connection, 'close');
      assert.equal(textOf(text, 'PairStatus'), '0');
      assert.equal(textOf(text, 'mac'), '00:00:00:00:00:00');
      assert.equal(textOf(text, 'HttpsPort'), String(server.httpsPort));
      assert.equal(textOf(text, 'ExternalPort'), String(server.httpPort));
      assert.equal(textOf(text, 'uniqueid'), keys.identity.uniqueId);
      assert.equal(textOf(text, 'hostname'), 'Test &amp; host');
    });

    it('over HTTPS is for the paired client, with its own game', async () => {
      host.running = 5;
      const { text } = await overHttps('/serverinfo?uniqueid=1');
      assert.equal(textOf(text, 'PairStatus'), '1');
      assert.equal(textOf(text, 'mac'), '02:00:00:00:00:01');
      assert.equal(textOf(text, 'currentgame'), '5');
      assert.equal(textOf(text, 'state'), 'SUNSHINE_SERVER_BUSY');
      assert.equal(textOf((await overHttp('/serverinfo')).text, 'state'), 'SUNSHINE_SERVER_FREE');
    });
  });

  describe('a client that is not paired', () => {
    it('gets XML 401 under HTTP 200 for every path, with a foreign certificate or none', async () => {
      for (const client of [stranger, null]) {
        for (const target of [
          '/serverinfo?uniqueid=1',
          '/applist',
          LAUNCH,
          '/cancel',
          '/pair?phrase=pairchallenge',
          '/x',
        ]) {
          const { httpStatus, text } = await overHttps(target, client);
          assert.equal(httpStatus, 200);
          assert.match(
            text,
            /<root status_code="401" query="\/\w+" status_message="The client is not authorized\. Certificate verification failed\."\/>$/,
          );
        }
      }
      assert.equal(server.counters().unauthorised, 12);
      assert.deepEqual(host.calls, []);
    });

    it('cannot launch, list or cancel over HTTP', async () => {
      for (const target of [LAUNCH, '/applist', '/appasset?appid=5', '/resume', '/cancel']) {
        const { httpStatus, text } = await overHttp(target);
        assert.equal(httpStatus, 200);
        assert.equal(statusOf(text), 404);
      }
      assert.deepEqual(host.calls, []);
    });

    it('is one again as soon as another process removed it', async () => {
      assert.equal(statusOf((await overHttps('/applist')).text), 200);
      new ClientStore(keys.folder).remove('test');
      assert.equal(statusOf((await overHttps('/applist')).text), 401);
    });

    it('is recognised on a resumed TLS session too', async () => {
      let session: Buffer | undefined;
      const connect = async (): Promise<{ text: string; isReused: boolean }> => {
        const { privateKeyPem: key, certificatePem: cert } = paired;
        const socket = tls.connect({
          ...{ host: '127.0.0.1', port: server.httpsPort, key, cert, rejectUnauthorized: false },
          ...(session === undefined ? {} : { session }),
        });
        socket.on('session', (ticket) => {
          session = ticket;
        });
        await once(socket, 'secureConnect');
        const isReused = socket.isSessionReused();
        socket.write('GET /serverinfo HTTP/1.1\r\nHost: x\r\n\r\n');
        let text = '';
        for await (const part of socket) text += part;
        return { text, isReused };
      };
      assert.equal((await connect()).isReused, false);
      const again = await connect();
      assert.equal(again.isReused, true);
      assert.equal(textOf(again.text, 'PairStatus'), '1');
      clients.remove('test');
      assert.equal(statusOf((await connect()).text), 401);
    });
  });

  describe('apps', () => {
    it('are listed in compact XML', async () => {
      const { text } = await overHttps('/applist?uniqueid=1');
      assert.equal(
        text,
        '<?xml version="1.0" encoding="utf-8"?><root status_code="200"><App><IsHdrSupported>0</IsHdrSupported>' +
          '<AppTitle>Desktop &lt;1&gt;</AppTitle><ID>5</ID></App></root>',
      );
    });

    it('can be HDR where anything can be streamed in ten bits', async () => {
      host.videoFormats = [H264, { codec: 'hevc', bitDepth: 10, chroma: '420' }];
      assert.match((await overHttps('/applist?uniqueid=1')).text, /<IsHdrSupported>1</);
      host.videoFormats = [H264];
    });

    it('have a placeholder picture each, and unknown ones none', async () => {
      const { headers, body } = await overHttps('/appasset?appid=5&AssetType=2&AssetIdx=0');
      assert.equal(headers['content-type'], 'image/png');
      assert.equal(body.readUInt32BE(16), 130);
      assert.equal(statusOf((await overHttps('/appasset?appid=6')).text), 404);
    });
  });

  describe('launch, resume and cancel', () => {
    it('reach the host with the addresses of the connection', async () => {
      const launched = await overHttps(LAUNCH);
      assert.equal(textOf(launched.text, 'sessionUrl0'), 'rtspenc://127.0.0.1:48010');
      assert.equal(textOf(launched.text, 'gamesession'), '1');
      const resumed = await overHttps(LAUNCH.replace('/launch', '/resume').replace('appid=5', 'appid=99'));
      assert.equal(textOf(resumed.text, 'resume'), '1');
      const cancelled = await overHttps('/cancel?uniqueid=1');
      assert.equal(textOf(cancelled.text, 'cancel'), '1');
      assert.deepEqual(host.calls, ['launch 5 1280 127.0.0.1 127.0.0.1', 'resume 99', 'cancel']);
    });

    it('are refused by parameters, by an unknown app and by the host, with its message', async () => {
      const absurd = await overHttps(LAUNCH.replace('1280x720', '100000x720'));
      assert.equal(statusOf(absurd.text), 400);
      assert.equal(textOf(absurd.text, 'gamesession'), '0');
      assert.equal(statusOf((await overHttps(LAUNCH.replace('appid=5', 'appid=6'))).text), 404);
      assert.deepEqual(host.calls, []);
      host.launchReply = async () => ({ ok: false, statusCode: 503, message: 'No <encoder>' });
      const refused = await overHttps(LAUNCH.replace('/launch', '/resume'));
      assert.match(refused.text, /status_code="503" status_message="No &lt;encoder&gt;"><resume>0<\/resume>/);
    });

    it('are answered over IPv6 as well', async () => {
      await server.close();
      ({ clients, pairing, host, server } = await startEndpoints(keys, {}, { bindAddress: '::1' }));
      const { text } = await getHttps(server.httpsPort, LAUNCH, paired, { host: '::1' });
      assert.equal(textOf(text, 'gamesession'), '1');
    });

    it('are answered when the host fails, without its words', async () => {
      host.launchReply = () => Promise.reject(new Error('secret detail'));
      const { httpStatus, text } = await overHttps(LAUNCH);
      assert.equal(httpStatus, 200);
      assert.equal(statusOf(text), 503);
      assert.ok(!text.includes('secret'));
      assert.equal(server.counters().failed, 1);
    });
  });

  describe('pairing over sockets', () => {
    const send = (parameters: string): Promise<string> =>
      overHttp(`/pair?uniqueid=0123456789ABCDEF&devicename=roth&updateState=1&${parameters}`).then(
        (answer) => answer.text,
      );

    it('with the right PIN lets the client in through all five phases', async () => {
      assert.equal(statusOf((await overHttps('/applist', stranger)).text), 401);
      const started = startPairing(send, stranger);
      await until(() => pairing.waitingClients.length === 1);
      assert.equal(pairing.waitingClients[0]?.peerAddress, '127.0.0.1');
      assert.ok(pairing.submitPin('4711').ok);
      assert.equal(await finishPairing(send, stranger, started, '4711'), 'paired');
      const fifth = await overHttps('/pair?uniqueid=1&phrase=pairchallenge', stranger);
      assert.equal(textOf(fifth.text, 'paired'), '1');
      assert.equal(statusOf((await overHttps('/applist', stranger)).text), 200);
    });

    it('hands out the certificate that TLS serves', async () => {
      const started = startPairing(send, stranger);
      await until(() => pairing.waitingClients.length === 1);
      pairing.submitPin('4711');
      const pem = Buffer.from(textOf(await started.firstReply, 'plaincert') ?? '', 'hex').toString('utf8');
      const socket = tls.connect({
        host: '127.0.0.1',
        port: server.httpsPort,
        ca: pem,
        checkServerIdentity: () => undefined,
      });
      await once(socket, 'secureConnect');
      assert.equal(socket.authorized, true);
      assert.deepEqual(socket.getPeerX509Certificate()?.raw, new X509Certificate(pem).raw);
      socket.destroy();
    });

    it('with a wrong PIN leaves the client out, and unpair is welcome', async () => {
      const started = startPairing(send, stranger);
      await until(() => pairing.waitingClients.length === 1);
      const typed = pairing.submitPin('0000');
      assert.ok(typed.ok);
      assert.equal(await finishPairing(send, stranger, started, '4711'), 'wrong-pin');
      const unpaired = await overHttp('/unpair?uniqueid=0123456789ABCDEF');
      assert.equal(unpaired.text, '<?xml version="1.0" encoding="utf-8"?><root status_code="200"/>');
      assert.equal((await typed.outcome).ok, false);
      assert.equal(statusOf((await overHttps('/applist', stranger)).text), 401);
    });

    it('ends when the client hangs up while its PIN is awaited', async () => {
      const socket = net.connect(server.httpPort, '127.0.0.1');
      const certificate = Buffer.from(stranger.certificatePem).toString('hex');
      socket.write(
        `GET /pair?uniqueid=1&phrase=getservercert&salt=${'00'.repeat(16)}&clientcert=${certificate} HTTP/1.1\r\nHost: x\r\n\r\n`,
      );
      await until(() => pairing.waitingClients.length === 1);
      socket.destroy();
      await until(() => pairing.waitingClients.length === 0);
      assert.equal(pairing.submitPin('1234').ok, false);
    });

    it('is answered when the host shuts down', async () => {
      const { firstReply } = startPairing(send, stranger);
      await until(() => pairing.waitingClients.length === 1);
      const closing = server.close();
      assert.equal(statusOf(await firstReply), 503);
      await closing;
    });

    it('over HTTP cannot take a stored certificate away, over HTTPS its owner can', async () => {
      await overHttp('/unpair?uniqueid=1');
      assert.equal(statusOf((await overHttps('/applist')).text), 200);
      assert.deepEqual(host.calls, []);
      assert.equal(statusOf((await overHttps('/unpair')).text), 200);
      assert.deepEqual(host.calls, ['cancel']);
      assert.equal(statusOf((await overHttps('/applist')).text), 401);
    });
  });
});
