/** The picture of a real GNOME compositor without a screen, on an output that is made for the client and goes with it. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { loadConfig } from '../../src/config/load-config.js';
import { resolvePaths } from '../../src/config/paths.js';
import { checkCapture } from '../../src/doctor/media.js';
import { openStream, pair } from '../support/client.js';
import { seesCounting } from '../support/counting.js';
import { counterWindow, type Mutter, startMutter } from '../support/mutter.js';
import { assertNumbersGoOn } from '../support/numbering.js';
import { readPicture, seesPointer } from '../support/picture.js';
import { type PipeWire, sessionOf, startPipeWire } from '../support/pipewire.js';
import { Serve, showLogWhenFailed, TestHome, until } from '../support/serve.js';

const MODE = { width: 1280, height: 720, fps: 30 } as const;
const COUNTER = counterWindow(MODE, 15);

describe('lumen serve --source mutter', function () {
  this.timeout(90_000);
  let pipewire: PipeWire;
  let mutter: Mutter;
  let home: TestHome;
  let serve: Serve;

  /** What the running test's part of the log has to say. */
  let logStart = 0;
  const log = (): string => serve.output.slice(logStart);
  const openings = (): number => log().match(/capture opened/g)?.length ?? 0;

  before(async () => {
    pipewire = await startPipeWire();
    mutter = await startMutter(pipewire);
    home = new TestHome(sessionOf(pipewire));
    serve = await Serve.start(home, ['--source', 'auto']);
    await pair(serve);
  });
  beforeEach(() => {
    logStart = serve.output.length;
  });
  showLogWhenFailed(() => log());
  after(async () => {
    await serve.stop();
    await mutter.kill();
    await pipewire.stop();
    home.remove();
  });

  const noOutput = () =>
    until(async () => (await mutter.outputs()).length === 0, 'the output is gone', 20_000);

  it('makes an output of the client’s size, shows what moves on it, and takes it away again', async () => {
    assert.match(serve.output, /GNOME/);
    assert.deepEqual(await mutter.outputs(), []);
    const stream = await openStream(serve, { mode: MODE });
    await until(async () => (await mutter.outputs()).length === 1, 'the output');
    assert.match((await mutter.outputs())[0] ?? '', /1280x720/);
    const window = mutter.startWindow(COUNTER);
    assert.notEqual(await stream.firstFrame, null);
    await seesCounting(stream);
    await window.stop();
    await stream.quit();
    await noOutput();
  });

  it('goes on with the same output when its media process is killed', async () => {
    const stream = await openStream(serve, { mode: MODE });
    assert.notEqual(await stream.firstFrame, null);
    const window = mutter.startWindow(COUNTER);
    await seesCounting(stream);
    const mediaPid = (await serve.status()).sessions[0]?.mediaPid;
    assert.ok(mediaPid);
    process.kill(mediaPid, 'SIGKILL');
    await until(() => log().includes('media process failed'), 'the loss is noticed', 20_000);
    await seesCounting(stream);
    assertNumbersGoOn(await stream.stats(), log());
    assert.equal(openings(), 1, 'the screen cast was reused');
    assert.equal((await mutter.outputs()).length, 1);
    await window.stop();
    await stream.quit();
    await noOutput();
  });

  it('keeps its output for a client that is away and comes back at the same size', async () => {
    const first = await openStream(serve, { mode: MODE });
    assert.notEqual(await first.firstFrame, null);
    await first.disconnect();
    await until(async () => (await serve.status()).sessions[0]?.state === 'suspended', 'the client is away');
    assert.equal((await mutter.outputs()).length, 1);
    const second = await openStream(serve, { mode: MODE });
    assert.notEqual(await second.firstFrame, null);
    assert.equal(openings(), 1, 'one screen cast for both');
    await second.quit();
    await noOutput();
  });

  it('draws the pointer into the picture, where it is', async () => {
    // The output stays while the client is away, between two looks too.
    const stream = await openStream(serve, { mode: MODE });
    await until(async () => (await mutter.outputs()).length === 1, 'the output');
    const move = await mutter.plugPointer();
    await stream.disconnect();
    await seesPointer(serve, move);
    await (await openStream(serve, { mode: MODE })).quit();
    await noOutput();
  });

  /** Breaks something under a stream, repairs it, and waits for pictures of a new window. */
  const recoversFrom = async (lose: () => Promise<void>, repair: () => Promise<void>): Promise<void> => {
    const stream = await openStream(serve, { mode: MODE });
    assert.notEqual(await stream.firstFrame, null);
    const { decoded } = (await stream.stats()).frames;
    await lose();
    await until(() => log().includes('waiting for the video source'), 'the loss is noticed', 20_000);
    await repair();
    await until(() => openings() === 2, 'a new capture', 30_000);
    await until(async () => (await mutter.outputs()).length === 1, 'a new output', 30_000);
    const window = mutter.startWindow(COUNTER);
    await seesCounting(stream);
    const after = await stream.stats();
    assert.ok(after.frames.decoded > decoded);
    assertNumbersGoOn(after, log());
    assert.ok((await serve.status()).eventLoopDelayMs.p99 < 1000, 'the control process did not hang');
    await window.stop();
    await stream.quit();
    await noOutput();
  };

  it('goes on when the compositor is killed and started again', () =>
    recoversFrom(
      () => mutter.kill(),
      async () => {
        mutter = await startMutter(pipewire);
      },
    ));

  it('goes on when the PipeWire daemon is killed and started again', () =>
    recoversFrom(pipewire.daemon.kill, pipewire.daemon.start));

  it('leaves no output behind when the host is killed', async () => {
    const stream = await openStream(serve, { mode: MODE });
    await until(async () => (await mutter.outputs()).length === 1, 'the output');
    await serve.stop('SIGKILL');
    await noOutput();
    await stream.vanish();
  });
});

describe('lumen serve --source mutter:MONITOR', function () {
  this.timeout(90_000);
  let pipewire: PipeWire;
  let mutter: Mutter;
  let home: TestHome;
  let serve: Serve | undefined;

  before(async () => {
    pipewire = await startPipeWire();
    mutter = await startMutter(pipewire, '640x360@30');
    home = new TestHome(sessionOf(pipewire));
  });
  showLogWhenFailed(() => serve?.output);
  afterEach(async () => {
    await serve?.stop();
  });
  after(async () => {
    await mutter.kill();
    await pipewire.stop();
    home.remove();
  });

  it('shows that monitor, scaled, and makes no other', async () => {
    serve = await Serve.start(home, ['--source', 'mutter:Meta-0']);
    await pair(serve);
    const window = mutter.startWindow(counterWindow({ width: 640, height: 360 }, 15));
    const stream = await openStream(serve, { mode: MODE });
    assert.notEqual(await stream.firstFrame, null);
    await seesCounting(stream);
    assert.deepEqual(await mutter.outputs(), ['Meta-0 640x360']);
    const isTold = () => serve?.output.includes('"format":"shared memory, 640x360 BGRx"');
    await until(isTold, 'the log says how pictures travel', 20_000);
    await window.stop();
    await stream.quit();
  });

  it('shows the whole monitor whenever it is turned in mid-stream', async () => {
    serve = await Serve.start(home, ['--source', 'mutter:Meta-0']);
    await pair(serve);
    const window = mutter.startWindow(counterWindow({ width: 640, height: 360 }, 15));
    const snapshotFile = path.join(home.directory, 'upright.png');
    const stream = await openStream(serve, { mode: MODE, snapshotFile });
    assert.notEqual(await stream.firstFrame, null);
    await seesCounting(stream);
    const arrivals = (): string[] => serve?.output.match(/shared memory, \d+x\d+ BGRx/g) ?? [];
    for (const isUpright of [true, false, true]) {
      const { length } = arrivals();
      await mutter.turn(isUpright);
      await until(() => arrivals().length > length, 'pictures of the new size', 30_000);
      assert.match(arrivals().at(-1) ?? '', isUpright ? /360x640/ : /640x360/);
      if (!isUpright) await seesCounting(stream);
    }
    const report = await stream.quit();
    await window.stop();
    assertNumbersGoOn(report, serve.output);
    const { frames } = report;
    assert((frames.longestGapMs ?? 1e9) < 5000, `nothing for ${frames.longestGapMs} ms`);
    // 360x640 fits in the middle, 405 wide: black beside it, the window and its white cells within.
    const picture = readPicture(snapshotFile);
    const bright = [...Array(MODE.width * MODE.height).keys()].filter((at) => (picture[4 * at] ?? 0) > 100);
    const columns = bright.map((at) => at % MODE.width);
    const [left, right] = [Math.min(...columns), Math.max(...columns)];
    assert(bright.length > 1000 && left >= 430 && right <= 850, `${bright.length} from ${left} to ${right}`);
  });

  it('is refused at start where there is no such monitor, naming those there are', async () => {
    const result = await home.lumen([
      'serve',
      '--source',
      'mutter:DP-9',
      '--no-discovery',
      '--port',
      '20000',
    ]);
    assert.equal(result.status, 7);
    assert.match(result.stderr, /mutter:DP-9.*there are: Meta-0/);
  });

  it('is listed by lumen sources, with what auto takes', async () => {
    const { stdout, status } = await home.lumen(['sources']);
    assert.equal(status, 0);
    assert.match(stdout, /auto takes the first\):\n {2}mutter /);
    assert.match(stdout, /--source mutter:Meta-0 .*640x360/);
  });

  it('is a desktop without a picture where neither its bus nor a portal is there, which lumen sources and doctor say', async () => {
    // What it speaks on its Wayland socket alone: no wlr-screencopy.
    const display = path.join(
      pipewire.environment['XDG_RUNTIME_DIR'] ?? '',
      mutter.environment['WAYLAND_DISPLAY'] ?? '',
    );
    const outside = new TestHome({ WAYLAND_DISPLAY: display });
    const sources = await outside.lumen(['sources']);
    const { environment } = outside;
    const config = loadConfig({ env: environment });
    const findings = await checkCapture({
      config,
      paths: resolvePaths(environment),
      environment,
      measures: false,
    });
    outside.remove();
    assert.match(
      sources.stdout,
      /Note: nothing gives a picture of the desktop at .*\nTry: .*xdg-desktop-portal-wlr/,
    );
    assert.equal(findings.find(({ check }) => check === 'capture.desktop')?.severity, 'warning');
  });
});
