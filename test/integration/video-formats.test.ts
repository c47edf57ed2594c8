/** Each format that is offered here, for a moment: decoded whole, in order and in the right colours. */
import assert from 'node:assert/strict';
import { listVideoFormats, pair } from '../support/client.js';
import { Serve, TestHome } from '../support/serve.js';
import { caseName, problemsOf, shortMatrix, streamCase, useRgbSource } from '../support/video-formats.js';

const STREAM_SECONDS = 1;

describe('the video formats that are offered', () => {
  const home = new TestHome();
  let serve: Serve;

  before(async function () {
    this.timeout(30_000);
    useRgbSource(home);
    serve = await Serve.start(home, ['--encryption-lan', 'opportunistic']);
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
    const format = { codec: 'h264', bitDepth: 8, chroma: '420' } as const;
    for (const packetSize of [288, 8912]) {
      const one = {
        format,
        packetSize,
        isEncrypted: packetSize === 288,
        colorSpace: 'bt709',
        fullRange: false,
      } as const;
      assert.deepEqual(problemsOf(await streamCase(serve, one, STREAM_SECONDS), one), [], caseName(one));
    }
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
