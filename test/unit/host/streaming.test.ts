import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type AppConfig, DESKTOP } from '../../../src/config/app-settings.js';
import type { EncryptionPolicy } from '../../../src/config/settings.js';
import { Streaming } from '../../../src/host/streaming.js';
import type { LaunchRequest } from '../../../src/nvhttp/launch-request.js';
import { SessionRegistry } from '../../../src/session/registry.js';
import type { SessionContext } from '../../../src/session/session.js';
import { createSilentLogger } from '../../../src/support/logger.js';

const SESSIONS: SessionContext = {
  capabilities: () => ({ video: [], isSourceHdr: false, surround: [] }),
  settingsFor: () => ({ fecPercentage: 20, linkKbps: 800_000, requiresEncryption: false }),
  deadlines: { handshakeMs: 60_000, connectMs: 60_000, suspendMs: 60_000 },
  logger: createSilentLogger(),
  createMediaStream: () => {
    throw new Error('nothing is announced here');
  },
  onState: () => undefined,
  onFinished: () => undefined,
  onKeyFrameOwed: () => undefined,
  onStages: () => undefined,
};

const SLOW: AppConfig = { ...DESKTOP, id: 2, title: 'Slow', preparation: [{ run: ['sleep', '0.3'] }] };

const requestOf = (change: Partial<LaunchRequest> = {}): LaunchRequest => ({
  appId: DESKTOP.id,
  mode: null,
  riKey: randomBytes(16),
  riKeyId: 1,
  coreVersion: 1,
  playsAudioOnHost: false,
  audioChannels: 2,
  ...change,
});

const clientOf = (name: string, localAddress = '192.0.2.1') => ({
  clientFingerprint: name.repeat(64),
  peerAddress: '192.0.2.9',
  localAddress,
});

describe('launches and resumes', () => {
  let folder: string;
  let registry: SessionRegistry;
  let policy: EncryptionPolicy;
  let removed: Set<string>;
  let streaming: Streaming;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-streaming-'));
    registry = new SessionRegistry(2);
    policy = 'opportunistic';
    removed = new Set();
    streaming = new Streaming({
      registry,
      sessionContext: {
        ...SESSIONS,
        onState: (session, state) => state === 'ended' && registry.remove(session),
      },
      apps: [DESKTOP, SLOW],
      appRuns: { folder, environment: {} },
      onLaunched: () => undefined,
      prepareSound: async () => undefined,
      rtspPort: 48010,
      encryptionFor: () => policy,
      isPaired: (client) => !removed.has(client),
      describe: () => assert.fail('not asked here'),
    });
  });
  afterEach(async () => {
    await Promise.all(registry.all().map((session) => session.end('host-stopping')));
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it('are told where RTSP is, with IPv6 in brackets', async () => {
    const reply = await streaming.launch(requestOf(), clientOf('a', 'fd00::1'));
    assert.deepEqual(reply, { ok: true, sessionUrl: 'rtspenc://[fd00::1]:48010' });
  });

  it('give each client a session of its own, up to as many as there may be', async () => {
    await streaming.launch(requestOf(), clientOf('a'));
    const first = registry.find(clientOf('a').clientFingerprint);
    await streaming.launch(requestOf(), clientOf('b'));
    const reply = await streaming.launch(requestOf(), clientOf('c'));
    assert(!reply.ok && reply.statusCode === 503 && /max_sessions/.test(reply.message));
    assert.equal(registry.find(clientOf('a').clientFingerprint), first);
    assert.equal(first?.state, 'launched');
    await streaming.cancel(clientOf('b').clientFingerprint);
    assert.equal(streaming.runningApp(clientOf('a').clientFingerprint), DESKTOP.id);
    assert.equal((await streaming.launch(requestOf(), clientOf('c'))).ok, true);
  });

  it('take a new key on a resume, and refuse one that was used before', async () => {
    const request = requestOf();
    await streaming.launch(request, clientOf('a'));
    const again = await streaming.resume(request, clientOf('a'));
    assert(!again.ok && again.statusCode === 400);
    const resumed = requestOf();
    assert.equal((await streaming.resume(resumed, clientOf('a'))).ok, true);
    assert.equal(registry.find(clientOf('a').clientFingerprint)?.connection.riKey, resumed.riKey);
  });

  it('have nothing to resume without a session of that client', async () => {
    await streaming.launch(requestOf(), clientOf('a'));
    const reply = await streaming.resume(requestOf(), clientOf('b'));
    assert(!reply.ok && reply.statusCode === 503);
  });

  it('come to nothing when the client is removed while its app is prepared', async () => {
    const launching = streaming.launch(requestOf({ appId: SLOW.id }), clientOf('a'));
    removed.add(clientOf('a').clientFingerprint);
    const reply = await launching;
    assert(!reply.ok && reply.statusCode === 401);
    assert.equal(registry.find(clientOf('a').clientFingerprint), undefined);
    assert.deepEqual(fs.readdirSync(folder), [], 'what was prepared is undone');
  });

  it('are refused with 403 where encryption is required and the client cannot encrypt RTSP', async () => {
    policy = 'required';
    const old = await streaming.launch(requestOf({ coreVersion: 0 }), clientOf('a'));
    assert(!old.ok && old.statusCode === 403 && /requires encryption/.test(old.message));
    assert.equal((await streaming.launch(requestOf(), clientOf('a'))).ok, true);
    const resumed = await streaming.resume(requestOf({ coreVersion: 0 }), clientOf('a'));
    assert(!resumed.ok && resumed.statusCode === 403);
  });
});
