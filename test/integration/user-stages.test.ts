/** What a host does with pipeline files of the user that are wrong, and without its own elements. */

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import pino from 'pino';
import { createBackends } from '../../src/capture/detect.js';
import { DesktopSound } from '../../src/capture/sound/desktop-sound.js';
import { loadConfig } from '../../src/config/load-config.js';
import { Captures } from '../../src/host/captures.js';
import { MediaPlane } from '../../src/host/media-plane.js';
import { StageProofs } from '../../src/host/stage-proofs.js';
import { MediaStandby } from '../../src/media/standby.js';
import { LumenError } from '../../src/support/errors.js';
import { bindUdp, closeDescriptor } from '../../src/support/sockets.js';
import { pair, probe } from '../support/client.js';
import { STREAM_PLAN } from '../support/plans.js';
import { findBasePort, Serve, TestHome, until } from '../support/serve.js';
import { addStage, SHIPPED } from '../support/user-stage.js';

interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly file?: string;
  readonly problem?: string;
  readonly remedy?: string;
}
const WARN = 40;
const ERROR = 50;

/** `FILE:LINE` of the first line with `text`. */
const at = (file: string, text: string): string => {
  const index = fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text));
  assert.ok(index >= 0, text);
  return `${file}:${index + 1}`;
};

describe('pipeline files of the user', function () {
  this.timeout(60_000);
  let home: TestHome;
  let lines: LogLine[];
  let standby: MediaStandby;
  let descriptors: number[];

  beforeEach(() => {
    home = new TestHome();
    lines = [];
    descriptors = [0, 1].map(() => bindUdp({ address: '127.0.0.1', port: 0 }).fd);
  });
  afterEach(async () => {
    await standby.close();
    for (const fd of descriptors) closeDescriptor(fd);
    home.remove();
  });

  const logger = pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const linesOf = (level: number) => lines.filter((line) => line.level === level);

  const createPlane = (encoder: string, environment = home.environment): MediaPlane => {
    const [videoSocketFd = -1, audioSocketFd = -1] = descriptors;
    standby = new MediaStandby({ videoSocketFd, audioSocketFd, logger, environment, refillDelayMs: 60_000 });
    const config = loadConfig({
      env: home.environment,
      flags: { encoder, source: 'test', audioSource: 'test' },
    });
    const proofs = new StageProofs({ shippedFolder: SHIPPED, environment, logger });
    const userPipelines = path.join(home.environment['XDG_CONFIG_HOME'] ?? '', 'lumen/pipelines');
    const backends = createBackends({ environment, stateDir: home.directory, logger });
    const desktopSound = new DesktopSound({ environment, stateDir: home.directory, port: 47989, logger });
    const captures = new Captures({ source: config.source, backends, logger });
    return new MediaPlane({ config, standby, captures, logger, userPipelines, proofs, desktopSound });
  };

  /** As a host does it whose spare process is ready. */
  const verify = async (encoder: string): Promise<string | undefined> => {
    const plane = createPlane(encoder);
    await standby.peek().ready;
    return plane.verify(logger);
  };

  it('are taken when nothing is wrong with them', async () => {
    addStage(home, 'mine.toml', (text) => text);
    assert.equal(await verify('mine'), undefined);
    assert.deepEqual(linesOf(WARN).concat(linesOf(ERROR)), []);
  });

  it('refuse a stream before it starts where one has a property that does not exist, with file and line', async () => {
    const file = addStage(home, 'mine.toml', (text) => text.replace('bframes=0', 'bframs=0'));
    const reason = await verify('mine');
    assert.match(reason ?? '', /no property "bframs"/);
    const [error] = linesOf(ERROR);
    assert.equal(error?.file, at(file, 'bframs=0'));
    assert.equal(error?.remedy, 'run: lumen pipelines check');
  });

  it('refuse a stream where the only stage to take is broken', async () => {
    const file = addStage(home, 'mine.toml', (text) => text.replace('name=encoder', ''));
    const reason = await verify('mine');
    assert.match(reason ?? '', /no element in encode has the name "encoder"/);
    assert.ok(reason?.includes(at(file, 'encode =')), reason);
    assert.match(linesOf(ERROR)[0]?.remedy ?? '', /name=encoder/);
  });

  it('are replaced by the shipped file where they are broken, which is said once', async () => {
    const file = addStage(home, 'x264.toml', (text) => text.replace('rank ', 'rnk '));
    const plane = createPlane('x264');
    await plane.check();
    assert.equal(await plane.verify(logger), undefined);
    assert.deepEqual(
      linesOf(WARN).map((line) => [line.msg, line.file, line.remedy]),
      [
        [
          'a pipeline description is replaced by the shipped one',
          at(file, 'rnk'),
          'remove it, or write "rank"',
        ],
      ],
    );
  });

  it('warn once, with file and line, of a value out of its range', async () => {
    const file = addStage(home, 'mine.toml', (text) => text.replace(/ref=\S+/, 'ref=999'));
    const failures: unknown[] = [];
    const events = {
      onFrameDropped: () => undefined,
      onStages: () => undefined,
      onFailed: (failure: unknown) => failures.push(failure),
    };
    const stream = createPlane('mine').createStream(STREAM_PLAN, events, logger, 'a');
    stream.start();
    await until(async () => 'video' in (await stream.stats()), 'the stream plays');
    await until(() => linesOf(WARN).length > 0, 'the warning');
    await stream.stop();
    const [warning, ...others] = linesOf(WARN);
    assert.deepEqual([others, failures], [[], []]);
    assert.equal(warning?.file, at(file, 'ref=999'));
    assert.match(warning?.problem ?? '', /"999".*out of range.*'ref'/);
    assert.equal(warning?.remedy, 'run: lumen pipelines check');
  });

  it('end a stream at once whose property does not exist, with file and line', async () => {
    const file = addStage(home, 'mine.toml', (text) => text.replace('bframes=0', 'bframs=0'));
    const failures: { cause: string; remedy: string }[] = [];
    const events = {
      onFrameDropped: () => undefined,
      onStages: () => undefined,
      onFailed: (failure: { cause: string; remedy: string }) => failures.push(failure),
    };
    const stream = createPlane('mine').createStream(STREAM_PLAN, events, logger, 'a');
    stream.start();
    await until(() => failures.length > 0, 'the failure');
    await stream.stop();
    assert.ok(failures[0]?.cause.includes(at(file, 'bframs=0')), JSON.stringify(failures));
    assert.equal(failures[0]?.remedy, 'run: lumen pipelines check');
  });

  it('are not looked at where Lumen itself is not built', async () => {
    const plane = createPlane('auto', { ...home.environment, LUMEN_PLUGIN_DIR: '/nonexistent' });
    const isNative = (error: unknown) =>
      error instanceof LumenError &&
      error.code === 'LUMEN_NATIVE_MISSING' &&
      /moonlightpay/.test(error.message);
    await assert.rejects(plane.check(), isNative);
  });
});

describe('lumen serve', function () {
  this.timeout(60_000);

  it('does not start without its own elements, and says how to build them', async () => {
    const home = new TestHome({ LUMEN_PLUGIN_DIR: '/nonexistent' });
    const port = String(await findBasePort());
    const where = ['--port', port, '--bind-address', '127.0.0.1', '--no-discovery'];
    const result = await home.lumen(['serve', ...where]);
    home.remove();
    assert.equal(result.status, 5, result.stderr);
    assert.match(result.stderr, /libgstmoonlight\.so is not built.*framesampler/);
    assert.match(result.stderr, /npm run setup/);
  });

  it('starts beside a broken file of a stage that it does not use', async () => {
    const home = new TestHome();
    const file = addStage(home, 'unused.toml', () => 'codec = \n');
    const serve = await Serve.start(home, ['--encoder', 'x264']);
    await serve.stop();
    home.remove();
    assert.match(serve.output, /Encoder: x264enc \(H\.264 in software\): as configured/);
    assert.ok(serve.output.includes(`"file":"${file}:1"`), serve.output);
  });
});

describe('a stage of the user', function () {
  this.timeout(60_000);

  const openh264 = fs.readFileSync(path.join(SHIPPED, 'encoders/openh264.toml'), 'utf8');
  /** Which file the session after `since` streamed with. */
  const fileOf = (output: string, since: number): string | undefined =>
    output
      .slice(since)
      .split('\n')
      .filter((line) => line.includes('"encoder chosen"'))
      .map((line) => JSON.parse(line).file)
      .at(-1);

  it('is used by the next session; one with a mistake is refused with file and line, and the shipped one is used', async () => {
    const home = new TestHome();
    const serve = await Serve.start(home, ['--encoder', 'x264']);
    /** Streams once. */
    const stream = async (): Promise<string | undefined> => {
      const since = serve.output.length;
      const report = await probe(serve, { seconds: 1, ending: 'quit' });
      assert.equal(report.failure, null, JSON.stringify(report.failure));
      return fileOf(serve.output, since);
    };
    try {
      await pair(serve);
      const shipped = path.join(SHIPPED, 'encoders/x264.toml');
      assert.equal(await stream(), shipped);
      const file = addStage(home, 'x264.toml', () => openh264);
      assert.equal(await stream(), file);
      addStage(home, 'x264.toml', (text) => text.replace('aud=', 'auddd='));
      assert.equal(await stream(), shipped);
      assert(serve.output.includes(at(file, 'auddd=')), 'the log names file and line');
      assert.match(serve.output, /no property ..auddd.*lumen pipelines check/);
      addStage(home, 'x264.toml', (text) => text.replace('speed-preset=ultrafast', 'speed-preset=superfast'));
      assert.equal(await stream(), file);
    } finally {
      await serve.stop();
      home.remove();
    }
  });
});
