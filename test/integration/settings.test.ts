/** Settings that only a running stream can show, by the variables of the project before this one. */
import assert from 'node:assert/strict';
import { openStream, pair } from '../support/client.js';
import { Serve, TestHome, until } from '../support/serve.js';

describe('lumen serve with variables of the project before this one', function () {
  this.timeout(120_000);
  const home = new TestHome({
    LUMEN_VIDEO_SOURCE: 'test',
    LUMEN_FEC_PCT: '60',
    LUMEN_VIDEO_DROP: '4',
    LUMEN_PERF: '1',
  });
  let serve: Serve;

  before(async () => {
    serve = await Serve.start(home);
    await pair(serve);
  });
  after(async () => {
    await serve.stop();
    home.remove();
  });

  it('loses the datagrams it was told to lose, sends that much parity and logs the stage times', async () => {
    const stream = await openStream(serve, { mode: { width: 640, height: 360, fps: 30 } });
    try {
      assert.notEqual(await stream.firstFrame, null);
      await until(() => serve.output.includes('"stage times"'), 'the stage times are logged', 30_000);
      const stages = serve.output.split('\n').find((line) => line.includes('"stage times"')) ?? '';
      const { parityPercent } = (JSON.parse(stages) as { stages: { parityPercent: number } }).stages;
      assert(parityPercent >= 60, `${parityPercent} %`);
    } finally {
      const report = await stream.quit();
      assert(report.frames.recovered > 0, JSON.stringify(report.frames));
    }
  });
});
