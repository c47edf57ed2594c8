/** Every shipped video encoder stage, played for real: what a client relies on must be in the stream it makes. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type MediaProcess, spawnMediaProcess } from '../../src/media/media-process.js';
import type { MediaReport } from '../../src/media/messages.js';
import { loadCatalog, requireDescription } from '../../src/pipeline/catalog.js';
import type { EncoderDescription } from '../../src/pipeline/description.js';
import { fillTemplate, toVideoValues } from '../../src/pipeline/template.js';
import type { VideoPlan } from '../../src/session/stream-plan.js';
import { createSilentLogger } from '../../src/support/logger.js';
import { beginsPicture, NAL_TYPE, nalType, readSps, type Sps, splitNalUnits } from '../support/h264.js';
import { VIDEO_PLAN } from '../support/plans.js';

const FRAMES = 90;
const FORCED_KEY_FRAMES = 3;
const catalog = loadCatalog(fileURLToPath(new URL('../../../pipelines/', import.meta.url)), '/nonexistent');

interface Encoded {
  readonly sps: Sps;
  /** NAL types of each picture, in order. */
  readonly pictures: readonly (readonly number[])[];
}

const fill = (encoder: EncoderDescription, template: string, plan: VideoPlan): string => {
  const filled = fillTemplate(template, toVideoValues(plan, { firstFrameNumber: 0, encoder }));
  assert.ok(filled.ok);
  return filled.launch;
};

/** Parameter sets and SEI go with the picture behind them. */
const groupPictures = (units: readonly Buffer[]): number[][] => {
  const pictures: number[][] = [];
  let pending: number[] = [];
  for (const unit of units) {
    const type = nalType(unit);
    const isSlice = type === NAL_TYPE.slice || type === NAL_TYPE.idr;
    if (isSlice && !beginsPicture(unit)) pictures.at(-1)?.push(type);
    else pending.push(type);
    if (isSlice && beginsPicture(unit)) {
      pictures.push(pending);
      pending = [];
    }
  }
  return pictures;
};

const waitForEos = (media: MediaProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    media.onReport((report: MediaReport) => {
      if (report.type === 'eos') resolve();
      if (report.type === 'error') reject(new Error(report.message));
    });
    media.onExit(() => reject(new Error('the media process ended')));
  });

const encode = async (name: string, change: Partial<VideoPlan>, file: string): Promise<Encoded> => {
  const plan = { ...VIDEO_PLAN, width: 640, height: 360, fps: 60, encoderKbps: 2000, ...change };
  const encoder = requireDescription('encoders', catalog.encoders, name);
  const source = `videotestsrc is-live=true num-buffers=${FRAMES} ! video/x-raw,framerate=${plan.fps}/1`;
  const parts = [
    source,
    fill(encoder, encoder.convert, plan),
    fill(encoder, encoder.encode, plan),
    'filesink name=file',
  ];
  const media = spawnMediaProcess({
    descriptors: [],
    logger: createSilentLogger(),
    environment: process.env,
  });
  try {
    const eos = waitForEos(media);
    const properties = [{ element: 'file', property: 'location', value: file }];
    await media.play([{ name: 'video', launch: parts.join(' ! '), properties, isOptional: false }], null);
    for (let i = 1; i <= FORCED_KEY_FRAMES; i += 1) {
      await sleep(200);
      media.forceKeyUnit('video', 'encoder', i);
    }
    await eos;
  } finally {
    await media.stop();
  }
  const units = splitNalUnits(fs.readFileSync(file));
  const sps = units.find((unit) => nalType(unit) === NAL_TYPE.sps);
  assert.ok(sps, 'the stream has no sequence parameter set');
  return { sps: readSps(sps), pictures: groupPictures(units) };
};

const countSlices = (picture: readonly number[]): number =>
  picture.filter((type) => type === NAL_TYPE.slice || type === NAL_TYPE.idr).length;

for (const name of ['x264', 'openh264']) {
  describe(`the encoder stage ${name}`, () => {
    let folder: string;
    let stream: Encoded;

    before(async function () {
      this.timeout(30_000);
      folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-encoders-'));
      stream = await encode(name, { references: 1 }, path.join(folder, 'one.h264'));
    });
    after(() => fs.rmSync(folder, { recursive: true }));

    it('codes every frame at the size asked for', () => {
      assert.equal(stream.pictures.length, FRAMES);
      assert.deepEqual([stream.sps.width, stream.sps.height], [640, 360]);
    });

    it('makes key frames where they are asked for, with parameter sets, and nowhere else', () => {
      const keys = stream.pictures.filter((picture) => picture.includes(NAL_TYPE.idr));
      assert.equal(keys.length, 1 + FORCED_KEY_FRAMES);
      assert.ok(stream.pictures[0]?.includes(NAL_TYPE.idr), 'the first frame is no key frame');
      for (const key of keys) assert.ok(key.includes(NAL_TYPE.sps) && key.includes(NAL_TYPE.pps));
    });

    it('codes one slice per frame unless asked for more', () => {
      assert.deepEqual([...new Set(stream.pictures.map(countSlices))], [1]);
    });

    it('writes no access unit delimiters', () => {
      assert.ok(!stream.pictures.flat().includes(NAL_TYPE.delimiter));
    });

    it('uses one reference frame where one is allowed', () => {
      assert.equal(stream.sps.numRefFrames, 1);
    });

    it('codes as many slices as the client asked for', async function () {
      this.timeout(30_000);
      const { pictures } = await encode(name, { slices: 4 }, path.join(folder, 'four.h264'));
      assert.deepEqual([...new Set(pictures.map(countSlices))], [4]);
    });

    it('says that no frame is reordered or held back', () => {
      assert.equal(stream.sps.vui?.maxNumReorderFrames, 0);
      assert.equal(stream.sps.vui?.maxDecFrameBuffering, 1);
    });
  });
}

describe('the encoder stage x264, which can be told more', () => {
  it('uses exactly the references that the client allows', async function () {
    this.timeout(30_000);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-encoders-'));
    try {
      const { sps } = await encode('x264', { references: 3 }, path.join(folder, 'three.h264'));
      assert.equal(sps.numRefFrames, 3);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('signals the colours that were negotiated', async function () {
    this.timeout(30_000);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-encoders-'));
    try {
      const limited = await encode(
        'x264',
        { colorSpace: 'bt709', fullRange: false },
        path.join(folder, 'a.h264'),
      );
      assert.deepEqual([limited.sps.vui?.color, limited.sps.vui?.fullRange], [[1, 1, 1], false]);
      const full = await encode(
        'x264',
        { colorSpace: 'bt601', fullRange: true },
        path.join(folder, 'b.h264'),
      );
      assert.deepEqual([full.sps.vui?.color, full.sps.vui?.fullRange], [[6, 6, 6], true]);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
