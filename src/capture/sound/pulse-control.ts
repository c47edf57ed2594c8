/**
 * What Lumen asks of the sound server, through the programs that come with it: `pactl` for PipeWire and PulseAudio
 * alike, and PipeWire's `pw-metadata` for what PulseAudio's language cannot say: that no default was chosen.
 */
import type { Environment } from '../../config/paths.js';
import type { AudioPlan } from '../../session/stream-plan.js';
import { LumenError } from '../../support/errors.js';
import { runTool, type ToolAnswer } from '../../support/tool.js';

/** Client order of channels (`protocol/audio.md` §4.1), in the server's words. */
const POSITIONS = [
  'front-left',
  'front-right',
  'front-center',
  'lfe',
  'rear-left',
  'rear-right',
  'side-left',
  'side-right',
] as const;
const DEFAULT_KEY = 'default.configured.audio.sink';
/**
 * PipeWire's step while the virtual sink plays, 10.7 ms, whatever the programs ask for. A step that is not done in its time
 * is a gap; with the 256 samples that a program with little latency gets, a machine under load had three to seven a minute,
 * with these one or none.
 */
const QUANTUM_SAMPLES = 512;
const MAX_PROBLEM_CHARACTERS = 200;

/** The value of PipeWire's metadata in what `pw-metadata` printed; undefined where there is none. Pure. */
export const parseConfiguredDefault = (output: string): string | undefined => {
  const value = /key:'default\.configured\.audio\.sink' value:'([^']*)'/.exec(output)?.[1] ?? '';
  return /"name"\s*:\s*"([^"]+)"/.exec(value)?.[1];
};

/** Names in what `pactl list short sinks` printed. Pure. */
export const parseSinkNames = (output: string): string[] =>
  output.split('\n').flatMap((line) => line.split('\t')[1] ?? []);

export class PulseControl {
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** @throws LumenError LUMEN_SOUND_UNREACHABLE, for each of these */
  async sinkNames(): Promise<string[]> {
    return parseSinkNames(await this.#pactl('list', 'short', 'sinks'));
  }

  /** A sink that plays into nothing, at full volume, in steps of `QUANTUM_SAMPLES`. */
  async createNullSink(name: string, channels: AudioPlan['channels']): Promise<void> {
    const map = `channel_map=${POSITIONS.slice(0, channels).join(',')}`;
    const properties = `sink_properties=device.description=Lumen node.force-quantum=${QUANTUM_SAMPLES}`;
    await this.#pactl(
      ...['load-module', 'module-null-sink', `sink_name=${name}`, 'rate=48000', `channels=${channels}`],
      ...[map, properties],
    );
    await this.#pactl('set-sink-volume', name, '100%');
  }

  /** What the user chose for a default; undefined where PipeWire chooses. */
  async chosenDefault(): Promise<string | undefined> {
    const answer = await runTool(['pw-metadata', '0', DEFAULT_KEY], this.#environment);
    if (answer?.status === 0) return parseConfiguredDefault(answer.output);
    return (await this.#pactl('get-default-sink')).trim() || undefined;
  }

  async setDefault(name: string): Promise<void> {
    await this.#pactl('set-default-sink', name);
  }

  async #pactl(...args: string[]): Promise<string> {
    const answer = await runTool(['pactl', ...args], this.#environment);
    if (answer?.status === 0) return answer.output;
    throw new LumenError('LUMEN_SOUND_UNREACHABLE', { problem: describeAnswer(answer) });
  }
}

const describeAnswer = (answer: ToolAnswer | undefined): string => {
  if (answer === undefined) return 'pactl is not installed (package pulseaudio-utils)';
  if (answer.status === null) return 'it does not answer';
  return answer.output.trim().slice(0, MAX_PROBLEM_CHARACTERS) || `pactl ended with status ${answer.status}`;
};
