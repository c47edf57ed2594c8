import assert from 'node:assert/strict';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatClientMessage } from '../../src/control/message.js';
import type { LossCounts } from '../../src/host/loss-feedback.js';
import type { ProbeStream } from '../../src/probe/probe-stream.js';
import { openStream, pair } from '../support/client.js';
import { Serve, showLogWhenFailed, TestHome, until } from '../support/serve.js';
import { addStage } from '../support/user-stage.js';

const SMALL = { mode: { width: 640, height: 360, fps: 60 }, bitrateKbps: 5000, audio: false } as const;

const lossOf = async (serve: Serve): Promise<LossCounts> => {
  const loss = (await serve.status()).sessions[0]?.counts?.loss;
  assert(loss);
  return loss;
};

/** Key frames beside the first that were asked of the encoder: for a frame that a busy machine dropped, say. */
const keyFramesForced = async (serve: Serve): Promise<number> =>
  (await serve.status()).sessions[0]?.counts?.keyFramesForced ?? 0;

/** Tells the host of a block of ten data shards that missed one, though nothing was lost. */
const pretendLoss = (stream: ProbeStream): boolean =>
  stream.sendControl(
    formatClientMessage({
      kind: 'frameFecStatus',
      frameIndex: 1,
      highestReceivedSequence: 10,
      nextContiguousSequence: 1,
      missingBeforeHighest: 1,
      dataPackets: 10,
      parityPackets: 2,
      dataReceived: 9,
      parityReceived: 1,
      fecPercentage: 20,
      blockIndex: 0,
      blockCount: 1,
    }),
  );

const pretendLosses = async (stream: ProbeStream): Promise<void> => {
  for (let i = 0; i < 35; i += 1) {
    pretendLoss(stream);
    await sleep(60);
  }
};

/** What arrives in a second, once the first key frame is through. */
const kbpsOf = async (stream: ProbeStream): Promise<number> => {
  assert.notEqual(await stream.firstFrame, null);
  await sleep(500);
  const start = await stream.stats();
  await sleep(1000);
  const end = await stream.stats();
  return (8 * (end.datagrams.bytes - start.datagrams.bytes)) / 1000;
};

describe('the losses that a client reports', function () {
  this.timeout(60_000);
  const home = new TestHome();
  let serve: Serve;

  before(async () => {
    serve = await Serve.start(home);
    await pair(serve);
  });
  after(async () => {
    await serve.stop();
    home.remove();
  });
  showLogWhenFailed(() => serve.output);

  it('change bitrate and parity in place, without a key frame, and no longer than they last', async () => {
    const stream = await openStream(serve, SMALL);
    assert.notEqual(await stream.firstFrame, null);
    await sleep(1500);
    await pretendLosses(stream);
    const low = await until(async () => {
      const loss = await lossOf(serve);
      return loss.encoderKbps < loss.fullEncoderKbps && loss;
    }, 'the stream follows');
    assert(low.fecPercentage > 20, `${low.fecPercentage} % parity`);
    assert.match(serve.output, /datagrams are lost: more parity, fewer bits/);
    await until(
      async () => (await lossOf(serve)).encoderKbps === low.fullEncoderKbps,
      'the stream is back at its full bitrate',
      30_000,
    );
    assert.match(serve.output, /the losses are over: full bitrate/);
    const forced = await keyFramesForced(serve);
    const { frames, keyFrames } = await stream.quit();
    assert(keyFrames.received <= 1 + forced, `${keyFrames.received} key frames, ${forced} asked for`);
    assert.equal(frames.wrong, 0);
  });

  it('are told as stock clients tell them, and answered with parity that rebuilds what is lost', async () => {
    const stream = await openStream(serve, SMALL);
    assert.notEqual(await stream.firstFrame, null);
    stream.setDropPercent(5);
    const loss = await until(async () => {
      const counts = await lossOf(serve);
      return counts.fecPercentage > 20 && counts;
    }, 'the host raises the parity');
    assert(loss.fecReports > 0);
    await sleep(2000);
    const status = await home.lumen(['status', '--port', String(serve.port)]);
    assert.match(status.stdout, /loss +\d+\.\d % lately, \d+ datagrams in \d+ reports/);
    const report = await stream.quit();
    assert(report.fecReports > 0);
    assert((report.hostStages?.frames ?? 0) > 0, 'the host of this machine tells its stages');
    assert(report.frames.recovered > 0);
    assert.equal(report.frames.wrong, 0);
  });

  it('leave a bitrate alone that the user wrote into the file, with which the next session runs', async () => {
    const shipped = await openStream(serve, SMALL);
    const before = await kbpsOf(shipped);
    await shipped.quit();
    const file = addStage(home, 'x264.toml', (text) => text.replace(/bitrate=\$\S+/, 'bitrate=250'));
    const stream = await openStream(serve, SMALL);
    await pretendLosses(stream);
    await until(() => serve.output.includes('lets the bitrate stay as it is'), 'the log says so');
    const after = await kbpsOf(stream);
    assert.equal((await lossOf(serve)).isAdaptive, false);
    await stream.quit();
    fs.rmSync(file);
    // Half is left: small frames are mostly parity and padding.
    assert(after < 0.75 * before, `${after} kbit/s with 250 in the file, ${before} without`);
  });

  it('change the bitrate of OpenH264 in place too', async () => {
    const otherHome = new TestHome();
    const other = await Serve.start(otherHome, ['--encoder', 'openh264']);
    try {
      await pair(other);
      const stream = await openStream(other, SMALL);
      assert.notEqual(await stream.firstFrame, null);
      await pretendLosses(stream);
      await until(async () => {
        const loss = await lossOf(other);
        return loss.encoderKbps < loss.fullEncoderKbps;
      }, 'the stream follows');
      await sleep(500);
      const forced = await keyFramesForced(other);
      const { received } = (await stream.quit()).keyFrames;
      assert(received <= 1 + forced, `${received} key frames, ${forced} asked for`);
    } finally {
      await other.stop();
      otherHome.remove();
    }
  });

  it('are counted and change nothing where the owner wants it so; old loss stats are counted too', async () => {
    const fixedHome = new TestHome();
    const fixed = await Serve.start(fixedHome, ['--no-adapt-to-loss']);
    try {
      await pair(fixed);
      const stream = await openStream(fixed, SMALL);
      assert.notEqual(await stream.firstFrame, null);
      stream.sendControl(
        formatClientMessage({ kind: 'lossStats', lossCount: 3, intervalMs: 50, lastGoodFrame: 9n }),
      );
      await pretendLosses(stream);
      const loss = await until(async () => {
        const counts = await lossOf(fixed);
        return counts.lossPercent > 1 && counts;
      }, 'the losses are counted');
      assert.equal(loss.isAdaptive, false);
      assert.equal(loss.lossStats, 1);
      assert.equal(loss.encoderKbps, loss.fullEncoderKbps);
      assert.equal(loss.fecPercentage, 20);
      await stream.quit();
    } finally {
      await fixed.stop();
      fixedHome.remove();
    }
  });
});
