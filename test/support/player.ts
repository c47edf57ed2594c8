/** A program that plays the test tones into the default sink, and questions about sinks. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import os from 'node:os';
import { killChild } from './children.js';
import type { PipeWire } from './pipewire.js';
import { until } from './serve.js';

const CHANNEL_MASKS = { 2: '0x3', 6: '0x3f', 8: '0xc3f' } as const;
const COMMAND_DEADLINE_MS = 10_000;

/** @returns what the program printed, without the line end */
const run = (pipewire: PipeWire, program: string, args: readonly string[]): string =>
  execFileSync(program, args, {
    env: { ...pipewire.environment },
    encoding: 'utf8',
    timeout: COMMAND_DEADLINE_MS,
  }).trim();

export const pactl = (pipewire: PipeWire, ...args: readonly string[]): string => run(pipewire, 'pactl', args);

/** A stereo sink that is the default, as the speakers of a desktop. */
export const addSpeakers = async (pipewire: PipeWire): Promise<void> => {
  pactl(pipewire, 'load-module', 'module-null-sink', 'sink_name=speakers', 'rate=48000', 'channels=2');
  await until(() => isDone(() => pactl(pipewire, 'set-default-sink', 'speakers')), 'a default can be chosen');
};

/** The session manager may still be starting: until it is there, nothing can be the default. */
const isDone = (work: () => void): boolean => {
  try {
    work();
    return true;
  } catch {
    return false;
  }
};

export const defaultSink = (pipewire: PipeWire): string => pactl(pipewire, 'get-default-sink');

/** What the user chose, as PipeWire keeps it; empty where nothing is chosen. */
export const chosenSink = (pipewire: PipeWire): string =>
  /"name": "([^"]+)"/.exec(run(pipewire, 'pw-metadata', ['0', 'default.configured.audio.sink']))?.[1] ?? '';

/** As a user who never chose a default. */
export const forgetChosenSink = (pipewire: PipeWire): void => {
  run(pipewire, 'pw-metadata', ['-d', '0', 'default.configured.audio.sink']);
};

export const sinkNames = (pipewire: PipeWire): string[] =>
  pactl(pipewire, 'list', 'short', 'sinks')
    .split('\n')
    .map((line) => line.split('\t')[1] ?? '');

const preferWhereAllowed = (pid: number): void => {
  try {
    os.setPriority(pid, -11);
  } catch {
    // An ordinary user may not.
  }
};

/** Plays 440, 1300, 660, … Hz, each in its channel, until it is ended. */
export const playTones = (pipewire: PipeWire, channels: keyof typeof CHANNEL_MASKS) => {
  const launch =
    // Not live: it goes by the pace of the sink, to a sample.
    'audiotestsrc wave=silence samplesperbuffer=240 ! ' +
    `audio/x-raw,format=S16LE,rate=48000,channels=${channels},channel-mask=(bitmask)${CHANNEL_MASKS[channels]} ! ` +
    'channeltones ! pulsesink client-name=player';
  const child: ChildProcess = spawn('gst-launch-1.0', ['-q', ...launch.split(' ')], {
    env: { ...pipewire.environment },
    stdio: 'ignore',
  });
  // A program that stutters by itself would prove nothing.
  if (child.pid !== undefined) preferWhereAllowed(child.pid);
  return {
    end: () => killChild(child),
  };
};
