/** Each format that is offered here, for a moment: decoded whole, in order and in the right colours. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { listVideoFormats, pair, probe } from '../support/client.js';
import { splitNalUnits } from '../support/h264.js';
import { H264 } from '../support/plans.js';
import { Serve, TestHome } from '../support/serve.js';
import {
  caseName,
  MAX_COLOR_ERROR,
  problemsOf,
  shortMatrix,
  streamCase,
  useHdrSource,
  useRgbSource,
} from '../support/video-formats.js';

const STREAM_SECONDS = 0.7;

describe('the video formats that are offered', () => {
  const home = new TestHome();
  let serve: Serve;

  before(async function () {
    this.timeout(30_000);
    useRgbSource(home);
    serve = await Serve.start(home, ['--source', 'test', '--encryption-lan', 'opportunistic']);
    await pair(serve);
  });
  after(async () => {
    await serve.stop();
    home.remove();
  });

  it('arrive whole, in order and in their colours', async function () {
    this.timeout(180_000);
    const problems: string[] = [];
    const formats = await listVideoFormats(serve);
    assert.ok(formats.length > 0);
    for (const one of shortMatrix(formats)) {
      const found = problemsOf(await streamCase(serve, one, STREAM_SECONDS), one);
      problems.push(...found.map((problem) => `${caseName(one)}: ${problem}`));
    }
    assert.deepEqual(problems, []);
  });

  it('fit any packet size: the smallest of clients, encrypted, and a jumbo frame', async function () {
    this.timeout(60_000);
    for (const packetSize of [288, 8912]) {
      const one = {
        format: H264,
        packetSize,
        isEncrypted: packetSize === 288,
        colorSpace: 'bt709',
        fullRange: false,
      } as const;
      assert.deepEqual(problemsOf(await streamCase(serve, one, STREAM_SECONDS), one), [], caseName(one));
    }
  });

  it('say HDR of ten bits where the picture is, and of no other', async function () {
    this.timeout(60_000);
    const one = { isEncrypted: false, packetSize: 1392, colorSpace: 'bt2020', fullRange: false } as const;
    const stream = async (bitDepth: 8 | 10) => {
      const format = { codec: 'hevc', bitDepth, chroma: '420' } as const;
      const { failure, hdr, picture } = await streamCase(serve, { ...one, format }, STREAM_SECONDS);
      assert.equal(failure, null, failure?.problem);
      assert.ok((picture.colorError ?? 99) <= MAX_COLOR_ERROR, `colours off by ${picture.colorError}`);
      return [hdr, picture.format, picture.colorimetry];
    };
    assert.deepEqual(await stream(10), [false, 'I420_10LE', '2:6:13:7']);
    useHdrSource(home);
    assert.deepEqual(await stream(10), [true, 'I420_10LE', '2:6:14:7']);
    // Eight bits cannot be HDR: the client gets what hosts fall back to.
    assert.equal((await streamCase(serve, { ...one, format: H264 }, STREAM_SECONDS)).hdr, false);
    useRgbSource(home);
  });

  const slicesAFrame = async (slices: number): Promise<number> => {
    const saveFile = path.join(home.directory, 'slices.h265');
    const options = { codec: 'hevc', mode: { width: 640, height: 360, fps: 30 }, slices } as const;
    const report = await probe(serve, { ...options, saveFile, seconds: STREAM_SECONDS, ending: 'quit' });
    assert.equal(report.failure, null, report.failure?.problem);
    // ITU-T H.265 §7.3.1.2 and §7.3.6.1: below 32 a slice; the first bit behind the header is set in a picture's first.
    const units = splitNalUnits(fs.readFileSync(saveFile)).filter((unit) => (unit[0] ?? 0) >> 1 < 32);
    const pictures = units.filter((unit) => ((unit[2] ?? 0) & 0x80) !== 0);
    assert.ok(pictures.length > 0);
    return units.length / pictures.length;
  };

  it('come in as many slices as the client asked for, as far as the encoder goes', async function () {
    this.timeout(60_000);
    assert.equal(await slicesAFrame(4), 4);
    assert.equal(await slicesAFrame(255), 5);
  });

  it('are all: another is refused with the reason', async () => {
    const format = { codec: 'h264', bitDepth: 10, chroma: '420' } as const;
    const report = await streamCase(
      serve,
      { format, isEncrypted: false, packetSize: 1392, colorSpace: 'bt709', fullRange: false },
      STREAM_SECONDS,
    );
    assert.equal(report.failure?.stage, 'rtsp');
    assert.match(report.failure?.problem ?? '', /400/);
  });
});
