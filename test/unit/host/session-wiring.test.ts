import assert from 'node:assert/strict';
import { ControlServer } from '../../../src/control/server.js';
import { EndpointWatcher } from '../../../src/endpoints/watcher.js';
import { type ProtocolServers, SessionWiring } from '../../../src/host/session-wiring.js';
import { parseAnnounce } from '../../../src/rtsp/announce.js';
import type { RtspSession } from '../../../src/rtsp/handshake.js';
import type { MediaStream } from '../../../src/session/media-stream.js';
import { Session, type SessionContext } from '../../../src/session/session.js';
import { createSilentLogger } from '../../../src/support/logger.js';
import { bindUdp } from '../../../src/support/sockets.js';
import { TRANSCRIPT_ANNOUNCE } from '../../support/announce-body.js';

const logger = createSilentLogger();

const MEDIA: MediaStream = {
  pid: undefined,
  frameIndex: 0,
  start: () => undefined,
  setVideoEndpoint: () => undefined,
  setAudioEndpoint: () => undefined,
  forceKeyFrame: () => undefined,
  tune: () => true,
  stats: async () => ({}),
  stop: async () => undefined,
};

const CONTEXT: SessionContext = {
  capabilities: () => ({
    video: [{ codec: 'hevc', bitDepth: 8, chroma: '420' }],
    isSourceHdr: false,
    surround: [],
  }),
  settingsFor: () => ({ fecPercentage: 20, linkKbps: 800_000, requiresEncryption: false }),
  deadlines: { handshakeMs: 60_000, connectMs: 60_000, suspendMs: 60_000 },
  logger,
  createMediaStream: () => MEDIA,
  onState: () => undefined,
  onFinished: () => undefined,
  onKeyFrameOwed: () => undefined,
  onStages: () => undefined,
};

const connectionOf = (key: number) => ({
  riKey: Buffer.alloc(16, key),
  riKeyId: 1,
  peerAddress: '127.0.0.1',
  localAddress: '127.0.0.1',
  encryptsRtsp: true,
  playsAudioOnHost: false,
});

describe('the wiring of a session', () => {
  let control: ControlServer;
  let watchers: EndpointWatcher[];
  let servers: ProtocolServers;
  let session: Session;
  /** Lets the look at the stages end. */
  let verified: () => void;

  beforeEach(async () => {
    const address = '127.0.0.1';
    control = ControlServer.listen({ address, port: 0, logger });
    const open = (media: 'video' | 'audio') =>
      EndpointWatcher.open({ ...bindUdp({ address, port: 0 }), type: 'udp4', media, logger });
    const [videoPings, audioPings] = await Promise.all([open('video'), open('audio')]);
    watchers = [videoPings, audioPings];
    servers = {
      control,
      videoPings,
      audioPings,
      rtspSessions: new Set(),
      ports: { video: 1, control: 2, audio: 3 },
      verifyMedia: () =>
        new Promise((resolve) => {
          verified = () => resolve(undefined);
        }),
      describe: () => '',
      adaptsToLoss: true,
      logsStages: false,
    };
    session = new Session({ appId: 1, clientFingerprint: 'a'.repeat(64), ...connectionOf(1) }, CONTEXT);
  });
  afterEach(async () => {
    await session.end('host-stopping');
    control.close();
    await Promise.all(watchers.map((watcher) => watcher.close()));
  });

  const announce = (rtsp: RtspSession) => {
    const parsed = parseAnnounce(TRANSCRIPT_ANNOUNCE);
    assert(parsed.ok);
    return rtsp.announce(parsed.attributes, { hostHeader: '' });
  };
  const attach = (): { wiring: SessionWiring; rtsp: RtspSession } => {
    const wiring = new SessionWiring(session, servers);
    const rtsp = [...servers.rtspSessions].at(-1);
    assert(rtsp !== undefined);
    return { wiring, rtsp };
  };

  it('leaves a resume alone whose earlier launch is still being looked at', async () => {
    const { wiring: earlier, rtsp: earlierRtsp } = attach();
    const late = announce(earlierRtsp);
    const finishEarlier = verified;
    earlier.detach();
    earlier.dropControl(undefined);
    await session.resume(connectionOf(2));
    const { wiring, rtsp } = attach();
    finishEarlier();
    const refused = await late;
    assert(!refused.ok && refused.status === 454);
    assert.equal(session.state, 'launched');
    assert.equal(earlier.counts.control, undefined, 'nothing of it stays at the control port');
    const answer = announce(rtsp);
    verified();
    assert.deepEqual(await answer, { ok: true });
    assert.notEqual(wiring.counts.control, undefined);
    wiring.detach();
    wiring.dropControl(undefined);
  });
});
