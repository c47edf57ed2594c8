/** A real sway without a screen: an output at the client's mode for each stream, and none left behind. */
import assert from 'node:assert/strict';
import { killChild } from '../support/children.js';
import { openStream, pair, probe } from '../support/client.js';
import { seesCounting } from '../support/counting.js';
import { assertNumbersGoOn } from '../support/numbering.js';
import { seesPointer } from '../support/picture.js';
import { Serve, showLogWhenFailed, TestHome, until } from '../support/serve.js';
import { type Sway, startSway } from '../support/sway.js';
import { plugPointer } from '../support/wayland-pointer.js';

const WINDOW =
  'videotestsrc is-live=true pattern=black ! video/x-raw,format=BGRx,width=1024,height=576,framerate=60/1 ! framecounter';

/** Not the size of the output that sway has by itself. */
const mode = { width: 1024, height: 576, fps: 60 };

describe('lumen serve in a sway session', function () {
  this.timeout(90_000);
  let sway: Sway;
  let home: TestHome;
  let serve: Serve;

  const start = async (): Promise<void> => {
    serve = await Serve.start(home, ['--source', 'auto']);
  };
  /** The outputs that show something: sway 1.7 cannot remove one, and keeps it at 16x16 for the next stream. */
  const shownOutputs = async (): Promise<string[]> => {
    const outputs = await sway.outputs();
    assert(outputs.length <= 2, `an output too many: ${outputs.join()}`);
    return outputs.filter((output) => !output.endsWith(' 16x16'));
  };
  const isReleased = async (): Promise<boolean> => (await shownOutputs()).length === 1;

  before(async () => {
    sway = await startSway();
    home = new TestHome({ ...sway.environment });
    await start();
    await pair(serve);
  });
  after(async () => {
    await serve.stop();
    await sway.stop();
    home.remove();
  });
  showLogWhenFailed(() => serve.output);

  it('makes an output at the client’s mode, streams what is drawn on it, and takes it away', async () => {
    assert.match(serve.output, /sway 1\.\d+ answers at SWAYSOCK/);
    assert.deepEqual(await sway.outputs(), ['HEADLESS-1 1280x720']);
    await probe(serve, { mode, seconds: 0.5, ending: 'disconnect' });
    // It is kept for the client that left, and met again by the same one.
    assert.deepEqual(await sway.outputs(), ['HEADLESS-1 1280x720', 'HEADLESS-2 1024x576']);
    await sway.showWindow(WINDOW);
    // The first pictures may still show it on its way to the whole screen.
    await probe(serve, { mode, seconds: 1, ending: 'disconnect' });
    const report = await probe(serve, { mode, seconds: 3, ending: 'quit' });
    assert.equal(report.failure, null, JSON.stringify(report.failure));
    assert.equal(report.frames.wrong, 0, 'the counter was drawn by the window, in the size of the client');
    const { received, repeated } = report.frames;
    assert((repeated ?? received) < received / 2, `the picture moves: ${JSON.stringify(report.frames)}`);
    assert((report.picture.colorError ?? 255) < 20, `colours: ${report.picture.colorError}`);
    assert.equal(serve.output.match(/capture opened/g)?.length, 1);
    await until(isReleased, 'the output is gone');
  });

  it('lumen sources names it and its outputs', async () => {
    const { stdout } = await home.lumen(['sources']);
    assert.match(stdout, /sway +sway: sway 1\.\d+ answers at SWAYSOCK/);
    assert.match(stdout, /--source sway:HEADLESS-1/);
  });

  it('releases the output when the host is killed, and streams on the next one', async () => {
    const stream = await openStream(serve, { mode });
    await until(async () => !(await isReleased()), 'the output is made');
    await serve.stop('SIGKILL');
    await until(isReleased, 'the output is gone');
    await stream.vanish();
    await start();
    const report = await probe(serve, { mode, seconds: 0.5, ending: 'quit' });
    assert.equal(report.failure, null, JSON.stringify(report.failure));
    await until(isReleased, 'the output is gone again');
  });

  it('puts its output back to the client’s mode, and keeps the window on it, when somebody changes it', async () => {
    const logStart = serve.output.length;
    const stream = await openStream(serve, { mode });
    assert.notEqual(await stream.firstFrame, null);
    await sway.showWindow(WINDOW);
    await seesCounting(stream);
    await sway.command('output HEADLESS-2 mode --custom 640x360@60Hz');
    assert((await sway.outputs()).includes('HEADLESS-2 640x360'));
    await until(async () => (await sway.outputs()).includes('HEADLESS-2 1024x576'), 'the mode is back');
    await seesCounting(stream);
    assertNumbersGoOn(await stream.quit(), serve.output.slice(logStart));
    await until(isReleased, 'the output is gone');
  });

  it('streams one output alone, as it is, and fits the picture to the client when its size changes', async () => {
    await serve.stop();
    serve = await Serve.start(home, ['--source', 'sway:HEADLESS-1']);
    await sway.command('focus output HEADLESS-1');
    const window = await sway.showWindow(WINDOW);
    const stream = await openStream(serve, { mode });
    assert.notEqual(await stream.firstFrame, null);
    assert.match(serve.output, /shows":"output HEADLESS-1"/);
    assert((await sway.outputs()).includes('HEADLESS-1 1280x720'));
    await seesCounting(stream);
    for (const size of ['640x360', '1280x720']) {
      await sway.command(`output HEADLESS-1 mode --custom ${size}@60Hz`);
      await until(async () => (await sway.outputs()).includes(`HEADLESS-1 ${size}`), `the output is ${size}`);
      await seesCounting(stream);
    }
    const report = await stream.quit();
    assertNumbersGoOn(report, serve.output);
    const { frames } = report;
    assert((frames.longestGapMs ?? 1e9) < 5000, `nothing for ${frames.longestGapMs} ms`);
    await killChild(window);
  });

  it('draws the pointer into the picture, where it is', async () => {
    const unplug = await plugPointer(sway.environment['WAYLAND_DISPLAY'] ?? '');
    await seesPointer(serve, (x, y) => sway.command(`seat - cursor set ${x} ${y}`));
    unplug();
  });

  it('ends the stream with a reason when sway dies', async () => {
    const stream = await openStream(serve, { mode });
    assert.notEqual(await stream.firstFrame, null);
    await sway.kill();
    await until(() => serve.output.includes('sway is gone'), 'the host knows');
    await serve.stop();
    assert.equal((await stream.ended).reason, 'host');
    await stream.vanish();
  });
});
