/**
 * The shipped Opus stage through both ends of the wire, for every layout, quality and packet length: packets of one
 * size, or clients give up parity for the session; and every channel in its place, as a client decodes it.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { SurroundLayouts } from '../../src/host/surround-layouts.js';
import { type MediaProcess, spawnMediaProcess } from '../../src/media/media-process.js';
import type { Fields, GraphDescription } from '../../src/media/messages.js';
import { loadCatalog, requireDescription } from '../../src/pipeline/catalog.js';
import { buildGraphs } from '../../src/pipeline/graphs.js';
import { chooseLayout, formatSurroundParams } from '../../src/rtsp/describe.js';
import { toAudioPlan } from '../../src/session/negotiate-audio.js';
import type { AudioPlan, OpusLayout } from '../../src/session/stream-plan.js';
import { createSilentLogger } from '../../src/support/logger.js';
import { STREAM_PLAN } from '../support/plans.js';
import { until } from '../support/serve.js';
import { TEST_TONES_HZ } from '../support/tones.js';

const catalog = loadCatalog(fileURLToPath(new URL('../../../pipelines/', import.meta.url)), '/nonexistent');
const opus = requireDescription('encoders', catalog.encoders, 'opus');
const KEY = '000102030405060708090a0b0c0d0e0f';

interface Case {
  readonly name: string;
  readonly plan: AudioPlan;
  /** Of an Opus packet at this bitrate. */
  readonly bytes: number;
}

const CASES: readonly Case[] = ([2, 6, 8] as const).flatMap((audioChannels) =>
  [false, true].flatMap((isHigh) =>
    ([5, 10] as const).map((audioPacketDurationMs) => {
      const wishes = {
        audioChannels,
        audioPacketDurationMs,
        wantsSurroundHighQuality: isHigh,
        wantsStereoHighQuality: isHigh,
        // Half of them each way: the size of the packets must not differ either.
        encryptsAudio: isHigh,
        wantsAudioQos: false,
      };
      const plan = toAudioPlan(wishes, false);
      const bytes = Math.floor((plan.bitrateKbps * audioPacketDurationMs) / 8);
      const quality = isHigh ? 'high quality, encrypted' : 'normal quality';
      return { name: `${audioChannels} channels, ${quality}, ${audioPacketDurationMs} ms`, plan, bytes };
    }),
  ),
);

const sizeOnWire = ({ plan, bytes }: Case): number =>
  plan.encrypted ? 16 * (Math.floor(bytes / 16) + 1) : bytes;

/** The graph of a plan with a client's receiving half in place of the sender. */
const toGraph = ({ name, plan }: Case, layout: string): GraphDescription => {
  const graphs = buildGraphs({
    plan: { ...STREAM_PLAN, audio: { ...plan, encrypted: false } },
    videoSource: { description: requireDescription('sources', catalog.sources, 'test'), properties: {} },
    videoEncoder: requireDescription('encoders', catalog.encoders, 'x264'),
    audio: {
      source: { description: requireDescription('audio', catalog.audio, 'test'), properties: {} },
      encoder: opus,
    },
    descriptors: { videoSocket: -1, audioSocket: -1, sessionPage: -1 },
    firstFrameNumber: 0,
  });
  const audio = graphs.find((graph) => graph.name === 'audio');
  assert.ok(audio);
  const receiver =
    `moonlightdepay name=depay opus-layout=${layout} packet-duration=${plan.packetDurationMs} ! opusdec ! ` +
    'channeltones name=reader mode=read ! fakesink sync=false async=false';
  const launch = audio.launch.replace(/moonlightsink .*$/, receiver);
  const keys = ['pay', 'depay'].map((element) => ({ element, property: 'key', value: KEY }));
  return { name, launch, properties: plan.encrypted ? keys : [], isOptional: false };
};

const toneOf = (reader: Fields | undefined, channel: number): number =>
  Number(reader?.[`hz-${channel}`] ?? 0);

describe('the Opus stage', function () {
  this.timeout(60_000);
  let media: MediaProcess;
  const layouts = new Map<number, OpusLayout>();
  const process_ = { environment: process.env, logger: createSilentLogger() };

  before(async () => {
    const surround = new SurroundLayouts({ stage: async () => opus, ...process_ });
    assert.equal(await surround.prepare(6), undefined);
    assert.equal(await surround.prepare(8), undefined);
    for (const layout of surround.known) layouts.set(layout.channels, layout);
    media = spawnMediaProcess({ descriptors: [], ...process_ });
    const graphs = CASES.map((one) => {
      const layout = layouts.get(one.plan.channels);
      const entries = layout === undefined ? [] : formatSurroundParams(layout);
      return toGraph(one, chooseLayout(entries, one.plan.channels, one.plan.highQuality)?.layout ?? '');
    });
    await media.play(graphs, null);
    // Opus itself needs a moment until it codes a tone steadily.
    await until(
      async () => {
        const stats = await media.stats();
        return CASES.every(({ name, plan }) => toneOf(stats[name]?.['reader'], plan.channels - 1) !== 0);
      },
      'every last channel has a tone',
      30_000,
    );
  });
  after(() => media?.stop());

  it('codes each surround channel as a stream of its own', () => {
    for (const channels of [6, 8]) {
      const layout = layouts.get(channels);
      assert.deepEqual([layout?.streams, layout?.coupled], [channels, 0]);
    }
  });

  for (const one of CASES) {
    it(`brings every channel to its place in packets of one size: ${one.name}`, async () => {
      const { pay, reader, depay } = (await media.stats())[one.name] ?? {};
      const heard = Array.from({ length: one.plan.channels }, (_, channel) => toneOf(reader, channel));
      assert.deepEqual(heard, TEST_TONES_HZ.slice(0, one.plan.channels));
      assert.equal(pay?.['size-changes'], 0);
      // 12 bytes of RTP header to a data packet, 24 to a parity packet.
      const parity = Number(pay?.['parity-packets']);
      const size = sizeOnWire(one);
      assert.equal(pay?.['bytes'], Number(pay?.['packets']) * (12 + size) + parity * (24 + size));
      assert.equal(depay?.['lost'], 0);
      assert.equal(depay?.['decrypt-failures'], 0);
    });
  }

  it('is not offered when it mixes the channels up', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax of the templates, not of JavaScript
    const mixer = 'audioconvert ! audio/x-raw,channels=1 ! audioconvert ! audio/x-raw,channels=${channels}';
    const encode = opus.encode.replace(
      /^opusenc/,
      `${mixer},channel-mask=(bitmask)\${channel_mask} ! opusenc`,
    );
    const surround = new SurroundLayouts({ stage: async () => ({ ...opus, encode }), ...process_ });
    assert.match((await surround.prepare(6)) ?? '', /cannot encode 6 channels/);
    assert.deepEqual(surround.known, []);
  });
});
