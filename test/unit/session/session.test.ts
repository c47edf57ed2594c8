import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { END_REASONS, type EndReason } from '../../../src/session/end-reasons.js';
import type { Endpoint, MediaStream, MediaStreamEvents } from '../../../src/session/media-stream.js';
import type { StreamWishes } from '../../../src/session/negotiate.js';
import { Session, type SessionContext, type SessionState } from '../../../src/session/session.js';
import type { StreamTuning } from '../../../src/session/stream-plan.js';
import { createSilentLogger } from '../../../src/support/logger.js';
import { H264 } from '../../support/plans.js';

const WISHES: StreamWishes = {
  codec: 'h264',
  width: 1280,
  height: 720,
  fps: 60,
  packetSize: 1024,
  configuredKbps: 10_000,
  maximumKbps: 8_000,
  minFecPackets: 2,
  slices: 1,
  references: 1,
  encoderCscMode: 2,
  isTenBit: false,
  isYuv444: false,
  wantsVideoQos: false,
  wantsAudioQos: false,
  audioChannels: 2,
  wantsSurroundHighQuality: false,
  wantsStereoHighQuality: false,
  audioPacketDurationMs: 5,
  encryptsControlV2: true,
  encryptsVideo: false,
  encryptsAudio: true,
  hasSessionId: true,
};

const ENDPOINT: Endpoint = { address: '127.0.0.1', port: 5000, sourceAddress: '127.0.0.1' };

const CONNECTION = {
  riKey: Buffer.alloc(16, 9),
  riKeyId: 6,
  peerAddress: '127.0.0.2',
  localAddress: '127.0.0.1',
  encryptsRtsp: true,
  playsAudioOnHost: false,
} as const;

/** Records what the session asked of its media side. */
class RecordedMedia implements MediaStream {
  readonly pid = undefined;
  readonly frameIndex = 0;
  readonly calls: string[] = [];
  readonly events: MediaStreamEvents;
  constructor(events: MediaStreamEvents) {
    this.events = events;
  }
  start(): void {
    this.calls.push('start');
  }
  setVideoEndpoint({ address, port }: Endpoint): void {
    this.calls.push(`video ${address}:${port}`);
  }
  setAudioEndpoint({ address, port }: Endpoint): void {
    this.calls.push(`audio ${address}:${port}`);
  }
  forceKeyFrame(): void {
    this.calls.push('key frame');
  }
  tune({ encoderKbps }: StreamTuning): boolean {
    this.calls.push(`tune ${encoderKbps}`);
    return true;
  }
  async stats(): Promise<Record<string, never>> {
    return {};
  }
  async stop(): Promise<void> {
    this.calls.push('stop');
  }
}

/** Where the test's owner wants everything encrypted. */
const GUARDED = '203.0.113.7';

const start = (deadlines: Partial<SessionContext['deadlines']> = {}, logger = createSilentLogger()) => {
  const states: SessionState[] = [];
  const media: RecordedMedia[] = [];
  const codes: number[] = [];
  const session = new Session(
    {
      appId: 1,
      clientFingerprint: 'ab'.repeat(32),
      peerAddress: '127.0.0.1',
      localAddress: '127.0.0.1',
      encryptsRtsp: true,
      playsAudioOnHost: false,
      riKey: Buffer.alloc(16),
      riKeyId: 5,
    },
    {
      capabilities: () => ({ video: [H264], isSourceHdr: false, surround: [] }),
      settingsFor: (_client, address) => ({
        fecPercentage: 20,
        linkKbps: 800_000,
        requiresEncryption: address === GUARDED,
      }),
      deadlines: { handshakeMs: 5_000, connectMs: 5_000, suspendMs: 5_000, ...deadlines },
      logger,
      createMediaStream: (_plan, events) => {
        const stream = new RecordedMedia(events);
        media.push(stream);
        return stream;
      },
      onState: (_session, state) => states.push(state),
      onFinished: () => undefined,
      onKeyFrameOwed: () => undefined,
      onStages: () => undefined,
    },
  );
  const peer = {
    terminate: async (code: number): Promise<void> => {
      codes.push(code);
    },
  };
  return { session, states, media, codes, peer };
};

const play = (parts: ReturnType<typeof start>): void => {
  assert(parts.session.announce(WISHES).ok);
  parts.session.controlConnected(parts.peer);
  parts.session.setVideoEndpoint(ENDPOINT);
};

describe('Session', () => {
  it('plays once the stream is agreed, the control peer is there and the first video ping has come', async () => {
    const parts = start();
    assert(parts.session.announce(WISHES).ok);
    assert.deepEqual(parts.media[0]?.calls, ['start']);
    parts.session.setVideoEndpoint(ENDPOINT);
    assert.equal(parts.session.state, 'announced');
    parts.session.controlConnected(parts.peer);
    assert.equal(parts.session.state, 'playing');
    await parts.session.end('cancelled');
    assert.deepEqual(parts.states, ['announced', 'playing', 'ended']);
  });

  it('tells the client the graceful code on cancel and stops its media process', async () => {
    const parts = start();
    play(parts);
    await parts.session.end('cancelled');
    assert.deepEqual(parts.codes, [0x80030023]);
    assert.equal(parts.media[0]?.calls.at(-1), 'stop');
  });

  it('tells the client of an encoding failure when the media side gives up', async () => {
    const parts = start();
    play(parts);
    parts.media[0]?.events.onFailed({ cause: 'encoder: no such device', remedy: 'none' });
    await sleep(0);
    assert.equal(parts.session.endReason, 'media-failed');
    assert.deepEqual(parts.codes, [0x800e9403]);
  });

  it('is suspended when its client leaves, and takes new keys and tokens on resume', async () => {
    const parts = start();
    play(parts);
    const before = parts.session.tokens;
    await parts.session.controlLost(parts.peer, 'timeout');
    assert.equal(parts.session.state, 'suspended');
    await parts.session.resume({
      riKey: Buffer.alloc(16, 9),
      riKeyId: 6,
      peerAddress: '127.0.0.2',
      localAddress: '127.0.0.1',
      encryptsRtsp: true,
      playsAudioOnHost: false,
    });
    assert.equal(parts.session.connection.riKeyId, 6);
    assert.notEqual(parts.session.tokens.videoPingPayload, before.videoPingPayload);
    play(parts);
    assert.equal(parts.session.plan?.riKey[0], 9);
    assert.equal(parts.media.length, 2);
    await parts.session.end('cancelled');
  });

  it('stays ended when it is ended while a resume stops the old stream', async () => {
    const parts = start();
    play(parts);
    const resumed = parts.session.resume(CONNECTION);
    await parts.session.end('client-removed');
    await assert.rejects(resumed, /ended/);
    assert.equal(parts.session.state, 'ended');
  });

  it('lets the later of two resumes win', async () => {
    const parts = start();
    play(parts);
    const first = parts.session.resume(CONNECTION);
    await parts.session.resume({ ...CONNECTION, riKeyId: 7 });
    await assert.rejects(first, /launched meanwhile/);
    assert.equal(parts.session.connection.riKeyId, 7);
    await parts.session.end('cancelled');
  });

  it('is kept when an attempt to resume breaks off', async () => {
    const parts = start({ handshakeMs: 10 });
    play(parts);
    await parts.session.controlLost(parts.peer, 'timeout');
    await parts.session.resume(CONNECTION);
    for (let i = 0; i < 200 && parts.session.state !== 'suspended'; i += 1) await sleep(5);
    assert.equal(parts.session.state, 'suspended');
    await parts.session.end('cancelled');
  });

  it('draws different ping payloads for the two media ports', async () => {
    const { session } = start();
    assert.notEqual(session.tokens.videoPingPayload, session.tokens.audioPingPayload);
    assert.match(session.tokens.videoPingPayload, /^[0-9A-F]{16}$/);
    await session.end('cancelled');
  });

  it('ignores the loss of a control peer that was replaced', async () => {
    const parts = start();
    play(parts);
    const second = { terminate: async (): Promise<void> => undefined };
    parts.session.controlConnected(second);
    await parts.session.controlLost(parts.peer, 'timeout');
    assert.equal(parts.session.state, 'playing');
    await parts.session.end('cancelled');
  });

  it('refuses an ANNOUNCE that it cannot serve and stays able to take another', async () => {
    const parts = start();
    assert.equal(parts.session.announce({ ...WISHES, width: 0 }).ok, false);
    assert(parts.session.announce(WISHES).ok);
    const again = parts.session.announce(WISHES);
    assert(!again.ok && again.status === 455);
    await parts.session.end('cancelled');
  });

  it('logs why a stream is refused, and what to do', async () => {
    const lines: string[] = [];
    const parts = start({}, pino({ level: 'warn' }, { write: (line) => lines.push(line) }));
    assert.equal(parts.session.announce({ ...WISHES, codec: 'av1' }).ok, false);
    const { reason, remedy } = JSON.parse(lines[0] ?? '{}');
    assert.equal(reason, 'codec av1 is not offered');
    assert.match(remedy, /h264 8-bit 4:2:0.*lumen pipelines list/);
    await parts.session.end('cancelled');
  });

  for (const [reason, deadline, prepare] of [
    ['handshake-timeout', { handshakeMs: 10 }, () => undefined],
    [
      'control-timeout',
      { connectMs: 10 },
      (s: Session) => {
        s.announce(WISHES);
        s.setVideoEndpoint(ENDPOINT);
      },
    ],
    [
      'suspend-expired',
      { suspendMs: 10 },
      async (s: Session) => {
        s.announce(WISHES);
        await s.suspend('test');
      },
    ],
  ] as const) {
    it(`ends with ${reason} when that deadline passes`, async () => {
      const parts = start(deadline);
      await prepare(parts.session);
      for (let i = 0; i < 200 && parts.session.state !== 'ended'; i += 1) await sleep(5);
      assert.equal(parts.session.endReason, reason);
    });
  }

  it('tells a connected client when no video ping comes', async () => {
    const parts = start({ connectMs: 10 });
    parts.session.announce(WISHES);
    parts.session.controlConnected(parts.peer);
    for (let i = 0; i < 200 && parts.session.state !== 'ended'; i += 1) await sleep(5);
    assert.equal(parts.session.endReason, 'video-ping-timeout');
    assert.deepEqual(parts.codes, [0x80030023]);
  });

  it('breaks a stream in clear off, once, when its client goes where encryption is required', async () => {
    const parts = start();
    play(parts);
    const roamed = { ...ENDPOINT, address: GUARDED };
    parts.session.setAudioEndpoint(roamed);
    parts.session.setVideoEndpoint(roamed);
    await sleep(0);
    assert.equal(parts.session.state, 'suspended', 'the app stays, to be resumed');
    assert.deepEqual(parts.codes, [END_REASONS['encryption-required'].code]);
    assert.deepEqual(parts.media[0]?.calls, ['start', 'video 127.0.0.1:5000', 'stop']);
    await parts.session.end('cancelled');
  });

  it('goes on, encrypted whole, where encryption is required', async () => {
    const parts = start();
    assert(parts.session.announce({ ...WISHES, encryptsVideo: true }).ok);
    parts.session.setVideoEndpoint({ ...ENDPOINT, address: GUARDED });
    assert.deepEqual(parts.media[0]?.calls, ['start', `video ${GUARDED}:5000`]);
    await parts.session.end('cancelled');
  });

  for (const [reason, { code, text, remedy }] of Object.entries(END_REASONS)) {
    it(`tells the client the code of ${reason}, and the log cause and remedy`, async () => {
      const lines: string[] = [];
      const parts = start({}, pino({ level: 'info' }, { write: (line) => lines.push(line) }));
      play(parts);
      await parts.session.end(reason as EndReason);
      assert.deepEqual(parts.codes, [code]);
      const line = JSON.parse(lines.find((one) => one.includes('session ended')) ?? '{}');
      assert.deepEqual(
        [line.reason, line.why, line.remedy, line.code],
        [reason, text, remedy, `0x${code.toString(16)}`],
      );
    });
  }

  it('ends once, whatever is asked afterwards', async () => {
    const parts = start();
    play(parts);
    await Promise.all([parts.session.end('cancelled'), parts.session.end('host-stopping')]);
    assert.equal(parts.session.endReason, 'cancelled');
    assert.equal(parts.codes.length, 1);
  });
});
