import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import type { MediaReport } from '../../../src/media/messages.js';
import type { SessionNumbers } from '../../../src/media/session-page.js';
import type { GraphState, MediaFailure, StandbyProcess } from '../../../src/session/media-stream.js';
import { RestartingMediaStream } from '../../../src/session/restarting-stream.js';
import type { StreamProcess } from '../../../src/session/stream-process.js';
import { LumenError } from '../../../src/support/errors.js';
import { createSilentLogger } from '../../../src/support/logger.js';

/** A process that does nothing but remember what it was told, and fails when a test says so. */
class ScriptedProcess implements StreamProcess {
  readonly pid = 1;
  readonly calls: string[] = [];
  baseTimeNs: string | null = null;
  report: (report: MediaReport) => void = () => undefined;
  exit: (code: number | null, signal: NodeJS.Signals | null) => void = () => undefined;
  playError: Error | undefined;

  async play(_graphs: unknown, baseTimeNs: string | null): Promise<string> {
    this.baseTimeNs = baseTimeNs;
    if (this.playError !== undefined) throw this.playError;
    return baseTimeNs ?? '1000';
  }
  forceKeyUnit(graph: string, element: string, count: number): void {
    this.calls.push(`key ${graph}.${element} ${count}`);
  }
  set(graph: string, element: string, property: string, value: string | number | boolean): void {
    this.calls.push(`${graph}.${element}.${property}=${value}`);
  }
  async inspect(): Promise<readonly string[]> {
    return [];
  }
  async stats(): Promise<Record<string, never>> {
    return {};
  }
  async stop(): Promise<void> {
    this.calls.push('stop');
  }
  onReport(listener: (report: MediaReport) => void): void {
    this.report = listener;
  }
  onExit(listener: (code: number | null, signal: NodeJS.Signals | null) => void): void {
    this.exit = listener;
  }
}

const setUp = (
  prepare: (process: ScriptedProcess, index: number) => void = () => undefined,
  checkSource: () => Promise<string> = async () => 'source',
  logger = createSilentLogger(),
) => {
  const processes: ScriptedProcess[] = [];
  const continued: SessionNumbers[] = [];
  const states: GraphState[] = [];
  const failures: MediaFailure[] = [];
  let dropped = 0;
  const sound = { renewed: 0, released: 0 };
  let released = 0;
  const takeProcess = async (): Promise<StandbyProcess> => {
    const process = new ScriptedProcess();
    prepare(process, processes.length);
    processes.push(process);
    const numbers = {
      incarnation: processes.length - 1,
      frameIndex: 100 * processes.length,
      videoPacket: 7,
      audioPacket: 8,
    };
    return {
      process,
      readNumbers: () => numbers,
      continueFrom: (from) => continued.push(from),
      release: () => {
        released += 1;
      },
    };
  };
  const stream = new RestartingMediaStream({
    checkSource,
    onPicture: () => undefined,
    explainSilence: async () => 'nobody knows',
    takeProcess,
    buildGraphs: async (_process, state) => {
      states.push(state);
      return [];
    },
    tuningProperties: ({ encoderKbps }) => [{ element: 'encoder', property: 'bitrate', value: encoderKbps }],
    sound: {
      renew: () => {
        sound.renewed += 1;
      },
      release: async () => {
        sound.released += 1;
      },
    },
    events: {
      onFrameDropped: () => {
        dropped += 1;
      },
      onStages: () => undefined,
      onFailed: (failure) => failures.push(failure),
    },
    logger,
  });
  return {
    stream,
    processes,
    continued,
    states,
    failures,
    sound,
    dropped: () => dropped,
    released: () => released,
  };
};

const VIDEO_AT = { address: '127.0.0.1', port: 4000, sourceAddress: '127.0.0.1' } as const;

/** Longer than the first replacement waits, shorter than the second does. */
const settle = (): Promise<void> => sleep(30);

const nth = <T>(values: readonly T[], index: number): T => {
  const value = values[index];
  assert(value !== undefined, `there is no value ${index}`);
  return value;
};

describe('RestartingMediaStream', () => {
  it('stops at once while a person has not answered the dialog of its source', async () => {
    const { stream, processes } = setUp(undefined, () => new Promise(() => undefined));
    stream.start();
    await settle();
    const late = sleep(5000, 'late', { ref: false });
    assert.equal(await Promise.race([stream.stop(), late]), undefined);
    assert.equal(processes.length, 0);
  });

  it('tunes the playing encoder in place, and so does the process that replaces it', async () => {
    const { stream, processes } = setUp();
    const tuning = { encoderKbps: 4000, fecPercentage: 40, minFecPackets: 2 };
    stream.start();
    await settle();
    assert.equal(stream.tune(tuning), true);
    assert.deepEqual(nth(processes, 0).calls, ['video.encoder.bitrate=4000']);
    nth(processes, 0).exit(null, 'SIGKILL');
    await settle();
    assert.deepEqual(nth(processes, 1).calls, ['video.encoder.bitrate=4000']);
    await stream.stop();
  });

  it('releases the held picture when the video endpoint becomes known', async () => {
    const { stream, processes } = setUp();
    stream.start();
    await settle();
    stream.setVideoEndpoint(VIDEO_AT);
    assert.deepEqual(nth(processes, 0).calls, [
      'video.sink.source-address=127.0.0.1',
      'video.sink.host=127.0.0.1',
      'video.sink.port=4000',
      'video.sampler.hold=false',
    ]);
    await stream.stop();
  });

  it('does not lose an endpoint that becomes known while the process starts', async () => {
    const { stream, processes, states } = setUp();
    stream.start();
    stream.setVideoEndpoint(VIDEO_AT);
    await settle();
    const isInGraph = nth(states, 0).videoEndpoint?.port === 4000;
    assert(isInGraph || nth(processes, 0).calls.includes('video.sink.port=4000'));
    await stream.stop();
  });

  it('carries numbers, base time and endpoints over to the process that replaces a killed one', async () => {
    const { stream, processes, continued, states, failures, released } = setUp();
    stream.start();
    await settle();
    stream.setVideoEndpoint(VIDEO_AT);
    nth(processes, 0).exit(null, 'SIGKILL');
    await settle();
    assert.equal(processes.length, 2);
    assert.equal(nth(continued, 0).frameIndex, 100);
    assert.equal(nth(processes, 1).baseTimeNs, '1000');
    assert.deepEqual(nth(states, 1).videoEndpoint, VIDEO_AT);
    assert(nth(states, 1).firstFrameNumber > 100);
    assert.deepEqual(failures, []);
    assert.equal(released(), 1);
    await stream.stop();
    assert.equal(released(), 2);
  });

  it('shows the source that it looked up, and looks once', async () => {
    let lookups = 0;
    const { stream, states } = setUp(undefined, async () => {
      lookups += 1;
      return `node ${lookups}`;
    });
    stream.start();
    await settle();
    assert.equal(nth(states, 0).source, 'node 1');
    assert.equal(lookups, 1);
    await stream.stop();
  });

  it('begins the picture counter above everything that the processes before may have drawn', async () => {
    const { stream, processes, states } = setUp();
    stream.start();
    await settle();
    for (const index of [0, 1]) {
      nth(processes, index).exit(null, 'SIGKILL');
      await sleep(300);
    }
    const [, second, third] = states.map(({ firstFrameNumber }) => firstFrameNumber);
    assert(second !== undefined && third !== undefined);
    // 100 frames were sent meanwhile; as many again may have been drawn and dropped.
    assert(third - second > 100 + 100, `${second}, then ${third}`);
    await stream.stop();
  });

  it('counts one failure when an error report, a rejected start and an exit tell of the same one', async () => {
    const { stream, processes } = setUp((process, index) => {
      if (index === 0) process.playError = new Error('not-linked');
    });
    stream.start();
    await settle();
    nth(processes, 0).report({
      type: 'error',
      graph: 'video',
      element: 'x',
      code: 'a:1',
      message: 'm',
      debug: '',
    });
    nth(processes, 0).exit(1, null);
    await settle();
    assert.equal(processes.length, 2);
    await stream.stop();
  });

  it('gives up with the cause after four failures in a row', async () => {
    const { stream, processes, failures } = setUp((process) => {
      process.playError = new Error('no such encoder');
    });
    stream.start();
    await sleep(1600);
    assert.equal(processes.length, 4);
    assert.equal(nth(failures, 0).cause, 'no such encoder');
    assert.equal(failures.length, 1);
    await stream.stop();
  });

  it('lets the picture go on when only the sound fails', async () => {
    const { stream, processes, sound } = setUp();
    stream.start();
    await settle();
    nth(processes, 0).report({
      type: 'error',
      graph: 'audio',
      element: 'x',
      code: 'a:1',
      message: 'm',
      debug: '',
    });
    await settle();
    assert.equal(processes.length, 1);
    assert.equal(sound.renewed, 1, 'what it is taken from may be gone');
    assert.equal(sound.released, 0);
    await stream.stop();
    assert.equal(sound.released, 1);
  });

  it('goes on when the graph lacks an element that it is asked to command', async () => {
    const { stream, processes } = setUp();
    stream.start();
    await settle();
    nth(processes, 0).report({
      type: 'error',
      graph: 'video',
      element: 'encoder',
      code: 'command',
      message: 'there is no element "encoder"',
      debug: '',
    });
    await settle();
    assert.equal(processes.length, 1);
    await stream.stop();
  });

  it('starts another process on the same source when its pictures have another size than was agreed', async () => {
    const { stream, processes, states } = setUp();
    stream.start();
    await settle();
    const misfit: MediaReport = {
      type: 'warning',
      graph: 'video',
      element: 'videoconvertscale0',
      message: 'Internal GStreamer error: code not implemented.',
      debug: '../gst-libs/gst/video/gstvideofilter.c(296): …\ninvalid video buffer received',
    };
    nth(processes, 0).report({ ...misfit, graph: 'audio' });
    nth(processes, 0).report({ ...misfit, debug: 'something else' });
    await settle();
    assert.equal(processes.length, 1, 'other warnings are no reason');
    nth(processes, 0).report(misfit);
    nth(processes, 0).report(misfit);
    await settle();
    assert.equal(processes.length, 2);
    assert.equal(nth(states, 1).source, 'source');
    await stream.stop();
  });

  it('says once what an element warns of at every frame, and each thing that it warns of', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line) => lines.push(line) });
    const { stream, processes } = setUp(undefined, undefined, logger);
    stream.start();
    await settle();
    const warning = { type: 'warning', graph: 'video', element: 'pay', debug: '' } as const;
    for (let frame = 0; frame < 500; frame += 1)
      nth(processes, 0).report({ ...warning, message: `frame ${frame} is late` });
    nth(processes, 0).report({ ...warning, message: 'the link is too slow' });
    await stream.stop();
    const problems = lines.map((line) => JSON.parse(line).problem);
    assert.deepEqual(problems, ['frame 0 is late', 'the link is too slow']);
  });

  it('tells of frames that the sender dropped', async () => {
    const { stream, processes, dropped } = setUp();
    stream.start();
    await settle();
    nth(processes, 0).report({
      type: 'message',
      graph: 'video',
      element: 'sink',
      name: 'moonlight-frame-dropped',
      fields: { bursts: 1 },
    });
    assert.equal(dropped(), 1);
    await stream.stop();
  });

  it('starts nothing after it was stopped, even in the middle of a start', async () => {
    const { stream, processes, released } = setUp();
    stream.start();
    await stream.stop();
    await settle();
    assert(processes.every((process) => process.calls.includes('stop')));
    assert.equal(released(), processes.length);
    assert.equal(stream.pid, undefined);
  });

  it('waits for a source that is gone and goes on when it is back', async () => {
    let misses = 2;
    const { stream, processes, failures } = setUp(undefined, async () => {
      misses -= 1;
      if (misses >= 0)
        throw new LumenError('LUMEN_SOURCE_MISSING', { source: 'pipewire:x', alternatives: '' });
      return 'source';
    });
    stream.start();
    await sleep(1200);
    assert.equal(processes.length, 1);
    assert.deepEqual(failures, []);
    await stream.stop();
  });

  it('waits for a PipeWire daemon that restarts', async () => {
    let misses = 1;
    const { stream, processes, failures } = setUp(undefined, async () => {
      misses -= 1;
      if (misses >= 0) throw new LumenError('LUMEN_PIPEWIRE_UNREACHABLE', { problem: 'no such socket' });
      return 'source';
    });
    stream.start();
    await sleep(700);
    assert.equal(processes.length, 1);
    assert.deepEqual(failures, []);
    await stream.stop();
  });

  it('does not wait for a source whose description is wrong', async () => {
    const { stream, failures } = setUp(undefined, async (): Promise<string> => {
      throw new LumenError('LUMEN_PIPELINE_INVALID', { file: 'x.toml', problem: 'p', remedy: 'mend it' });
    });
    stream.start();
    await settle();
    assert.equal(nth(failures, 0).remedy, 'mend it');
    await stream.stop();
  });
});
