/** Surround sound from launch to loudspeaker, as a stock client asks for it: each channel has its own tone. */
import assert from 'node:assert/strict';
import { pair, probe } from '../support/client.js';
import { Serve, showLogWhenFailed, TestHome } from '../support/serve.js';
import { TEST_TONES_HZ } from '../support/tones.js';

const SMALL = { mode: { width: 320, height: 180, fps: 30 }, seconds: 2, ending: 'quit' } as const;

describe('surround sound', function () {
  this.timeout(60_000);
  let home: TestHome;
  let serve: Serve;

  before(async () => {
    home = new TestHome();
    serve = await Serve.start(home, ['--source', 'test', '--audio-source', 'test']);
    await pair(serve);
  });
  showLogWhenFailed(() => serve.output);
  after(async () => {
    await serve?.stop();
    home?.remove();
  });

  for (const { title, channels, options, kbps } of [
    { title: '5.1 of high quality', channels: 6, options: { bitrateKbps: 16_000, encryption: 7 }, kbps: 650 },
    {
      title: '7.1 in short datagrams',
      channels: 8,
      options: { bitrateKbps: 8000, packetSize: 1024 },
      kbps: 450,
    },
  ] as const) {
    it(`brings ${title} to a client, every channel in its place, without a gap`, async () => {
      const report = await probe(serve, { ...SMALL, ...options, audioChannels: channels });
      assert.equal(report.failure, null, JSON.stringify(report.failure));
      assert.deepEqual(report.audio?.tonesHz, TEST_TONES_HZ.slice(0, channels));
      assert.deepEqual([report.audio?.lost, report.audio?.gaps, report.frames.lost], [0, 0, 0]);
      assert.ok(serve.output.includes(`${channels} ch ${kbps} kbit/s 5 ms`), 'the plan has that bitrate');
    });
  }

  it('goes on with packets of 10 ms', async () => {
    const report = await probe(serve, { ...SMALL, audioChannels: 6, audioPacketDurationMs: 10 });
    assert.equal(report.failure, null, JSON.stringify(report.failure));
    assert.deepEqual(report.audio?.tonesHz, TEST_TONES_HZ.slice(0, 6));
    assert.equal(report.audio?.lost, 0);
  });
});
