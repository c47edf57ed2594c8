import assert from 'node:assert/strict';
import { DEFAULT_PROBE_OPTIONS, type StreamOptions } from '../../../src/probe/options.js';
import { RunRecord } from '../../../src/probe/record.js';
import {
  describeClientEnd,
  describePlannedEnd,
  describeTermination,
  type EndReport,
  formatReport,
  isSuccess,
  type ProbeReport,
} from '../../../src/probe/report.js';
import { toStageTimes } from '../../../src/session/stage-times.js';
import { createSilentLogger } from '../../../src/support/logger.js';

const PLANNED: EndReport = { reason: 'time', code: 0, hostCode: null, text: 'the planned end' };

const options: StreamOptions = {
  ...DEFAULT_PROBE_OPTIONS,
  address: { host: '127.0.0.1', port: 57989 },
  stateDir: '/nowhere',
  logger: createSilentLogger(),
  environment: {},
};

const emptyReport = (): ProbeReport => new RunRecord(options).toReport(PLANNED, null);

const goodReport = (): ProbeReport => {
  const report = emptyReport();
  return {
    ...report,
    host: { ...report.host, name: 'den-pc', appVersion: '7.1.431.-1' },
    stages: [{ name: 'launch', ms: 12.34 }],
    launchToFirstFrameMs: 210.5,
    streamMs: 10_000,
    frames: {
      ...report.frames,
      received: 600,
      decoded: 599,
      wrong: 0,
      repeated: 1,
      skipped: 0,
      perSecond: 59.98,
    },
    keyFrames: { received: 2, requests: 1, roundTripsMs: [41.5], roundTripsFrames: [3] },
    hostStages: toStageTimes({ video: { pay: { frames: 600 }, sink: { pacing: 'rate' } } }) ?? null,
    audio: { packets: 2000, lost: 0, recovered: 1, gaps: 0, driftMs: 0.2, tonesHz: [440, 1300], jumps: 0 },
  };
};

describe('the planned end of a stream', () => {
  it('is none when nothing came in the last second', () => {
    assert.equal(describePlannedEnd('time', 2500).reason, 'host');
    assert.match(describePlannedEnd('time', 2500).text, /no frame came in the last 2\.5 s/);
    assert.equal(describePlannedEnd('time', 15).reason, 'time');
    assert.equal(describePlannedEnd('stopped', 2500).reason, 'stopped');
    assert.equal(describePlannedEnd('time', null).reason, 'time');
  });
});

describe('probe/report', () => {
  it('succeeds only with a decoded picture, the planned end and no failure', () => {
    const good = goodReport();
    assert.equal(isSuccess(good), true);
    assert.equal(isSuccess({ ...good, frames: { ...good.frames, decoded: 0 } }), false);
    assert.equal(isSuccess({ ...good, end: describeClientEnd(-1) }), false);
    assert.equal(isSuccess({ ...good, failure: { stage: 'media', problem: 'p', remedy: 'r' } }), false);
  });

  it('explains terminations as stock clients do', () => {
    assert.equal(describeTermination(0x80030023, true).code, 0);
    assert.equal(describeTermination(0x80030023, false).code, -102);
    assert.equal(describeTermination(0x800e9302, true).code, -103);
    assert.equal(describeTermination(0x800e9403, true).code, -104);
    const other = describeTermination(0x8001_0002, true);
    assert.deepEqual([other.code, other.hostCode], [0x8001_0002, 0x8001_0002]);
    assert.match(other.text, /0x80010002/);
  });

  it('prints one line a figure for people', () => {
    const text = formatReport(goodReport());
    assert.match(text, /den-pc \(127\.0\.0\.1:57989\)/);
    assert.match(text, /host encode +p50 +0\.00 ms/);
    assert.match(text, /host frames +600 /);
    assert.match(formatReport({ ...goodReport(), hostStages: null }), /host stages +not known/);
    assert.match(text, /1920x1080@60, 20000 kbit\/s, h264/);
    assert.match(text, /launch +12\.3 ms/);
    assert.match(text, /600 received, 0 lost, 0 recovered, 0 discarded, 599 decoded/);
    assert.match(text, /41\.5 ms \(3 frames\)/);
    assert.match(text, /2000 packets, 0 lost, 1 recovered, 0 gaps/);
    assert.match(text, /first datagram +– ms after launch/);
    assert.doesNotMatch(text, /FAILED|undefined|NaN|null/);
  });

  it('names the stage that failed and what to try', () => {
    const failure = { stage: 'control', problem: 'no answer', remedy: 'open UDP port 47999' };
    const text = formatReport({ ...emptyReport(), failure });
    assert.match(text, /FAILED +at stage "control": no answer/);
    assert.match(text, /try +open UDP port 47999/);
    assert.doesNotMatch(text, /IDR round trip/);
  });

  it('reports a run that never started in the same shape, and as JSON', () => {
    const report = emptyReport();
    assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
    assert.equal(report.version, 1);
    assert.equal(report.launchToFirstFrameMs, null);
    assert.equal(report.frames.wrong, null);
    assert.equal(report.audio, null);
  });
});
