/** The shipped audio stages, played for real: packets of one size, or clients give up parity for the session. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { spawnMediaProcess } from '../../src/media/media-process.js';
import { loadCatalog, requireDescription } from '../../src/pipeline/catalog.js';
import { buildGraphs } from '../../src/pipeline/graphs.js';
import type { AudioPlan } from '../../src/session/stream-plan.js';
import { createSilentLogger } from '../../src/support/logger.js';
import { STREAM_PLAN } from '../support/plans.js';

const catalog = loadCatalog(fileURLToPath(new URL('../../../pipelines/', import.meta.url)), '/nonexistent');
const PLANS: readonly {
  readonly title: string;
  readonly plan: Partial<AudioPlan>;
  readonly bytes: number;
}[] = [
  { title: 'stereo in 5 ms packets', plan: {}, bytes: 60 },
  { title: 'stereo in 10 ms packets', plan: { packetDurationMs: 10 }, bytes: 120 },
  { title: 'stereo of high quality', plan: { bitrateKbps: 512 }, bytes: 320 },
];

/** Plays the audio graph of a plan into a sink that keeps its last packet, for half a second. */
const play = async (change: Partial<AudioPlan>) => {
  const source = { description: requireDescription('audio', catalog.audio, 'test'), properties: {} };
  const graphs = buildGraphs({
    plan: { ...STREAM_PLAN, audio: { ...STREAM_PLAN.audio, encrypted: false, ...change } },
    videoSource: { description: requireDescription('sources', catalog.sources, 'test'), properties: {} },
    videoEncoder: requireDescription('encoders', catalog.encoders, 'x264'),
    audio: { source, encoder: requireDescription('encoders', catalog.encoders, 'opus') },
    descriptors: { videoSocket: -1, audioSocket: -1, sessionPage: -1 },
    firstFrameNumber: 0,
  });
  const audio = graphs.find(({ name }) => name === 'audio');
  assert.ok(audio);
  const media = spawnMediaProcess({
    descriptors: [],
    logger: createSilentLogger(),
    environment: process.env,
  });
  try {
    await media.play([{ ...audio, isOptional: false }], null);
    await sleep(500);
    return (await media.stats())['audio']?.['pay'] ?? {};
  } finally {
    await media.stop();
  }
};

describe('the audio stages', function () {
  this.timeout(20_000);
  for (const { title, plan, bytes } of PLANS) {
    it(`code ${title} of one constant size`, async () => {
      const stats = await play(plan);
      const packets = Number(stats['packets']);
      assert.ok(packets > 10, `${packets} packets`);
      assert.equal(stats['size-changes'], 0);
      // 12 bytes of RTP header to a data packet, 24 to a parity packet.
      const parity = Number(stats['parity-packets']);
      assert.equal(stats['bytes'], packets * (12 + bytes) + parity * (24 + bytes));
    });
  }

  for (const channels of [6, 8] as const) {
    it(`code ${channels} channels in packets of one constant size`, async () => {
      const stats = await play({ channels, bitrateKbps: channels === 6 ? 256 : 450 });
      assert.ok(Number(stats['packets']) > 10);
      assert.equal(stats['size-changes'], 0);
    });
  }
});
