/**
 * The sound of the desktop. Where a client does not want the host to play along, the programs play into a virtual sink
 * that is the default while somebody streams; otherwise the streams listen to whatever sink is the default. What was
 * before is put back when the last stream has ended, when this process is killed, and at the latest at the next start.
 *
 * All streams of a host hear the same desktop, so they share one sink; it has as many channels as the first stream.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { PropertyValue } from '../../media/messages.js';
import type { AudioPlan } from '../../session/stream-plan.js';
import { describeError, LumenError } from '../../support/errors.js';
import { delay, runTask } from '../../support/lifecycle.js';
import type { CaptureContext } from '../capture.js';
import { ReleaseGuard } from '../release-guard.js';
import { PulseControl } from './pulse-control.js';

/**
 * $1 our sink, $2 the default before it (empty: none was chosen), $3 the state file. A default that somebody chose
 * meanwhile stays. The module is found by the sink's name: its number means another one once the server has restarted.
 */
const RESTORE = `
if [ "$(timeout 5 pactl get-default-sink)" = "$1" ]; then
  if [ -n "$2" ]; then timeout 5 pactl set-default-sink "$2"; else timeout 5 pw-metadata -d 0 default.configured.audio.sink; fi
fi
timeout 5 pactl list short modules | while read -r id name arguments; do
  case " $arguments " in *" sink_name=$1 "*) timeout 5 pactl unload-module "$id" ;; esac
done
timeout 5 pactl list short sinks >/dev/null && rm -f "$3"
`;

/** The commands have five seconds each. */
const RESTORE_DEADLINE_MS = 20_000;
/** For how long a server that does not answer is asked again. */
const RETRY_MS = 1000;
const MAX_TRIES = 60;

/** Beside the device it keeps PipeWire from recording a microphone where that device is gone. */
const SINKS_ONLY = 'props,stream.capture.sink=(string)true';

/** How a stream wants to hear the desktop. */
export type SoundWish = Pick<AudioPlan, 'channels' | 'playsOnHost'>;

export interface DesktopSoundOptions extends CaptureContext {
  /** Base port of this host: hosts that run at the same time need sinks of their own. */
  readonly port: number;
}

/** What one stream listens to. */
export class StreamSound {
  readonly #desktop: DesktopSound;
  readonly #wish: SoundWish;

  constructor(desktop: DesktopSound, wish: SoundWish) {
    this.#desktop = desktop;
    this.#wish = wish;
  }

  /** Begins, without waiting. @returns properties of a `pulsesrc` */
  listen(): Readonly<Record<string, PropertyValue>> {
    return { device: this.#desktop.listen(this, this.#wish), 'stream-properties': SINKS_ONLY };
  }

  /** The sound broke off: what is missing is made again. */
  renew(): void {
    this.#desktop.renew(this, this.#wish);
  }

  /** Resolves when all is put back that no other stream needs. */
  release(): Promise<void> {
    return this.#desktop.release(this);
  }
}

export class DesktopSound {
  readonly #options: DesktopSoundOptions;
  readonly #sinkName: string;
  /** Where it is written down what has to be put back. */
  readonly #stateFile: string;
  readonly #pulse: PulseControl;
  /** Streams that want the host silent. */
  readonly #users = new Set<StreamSound>();
  #guard: ReleaseGuard | undefined;
  /** What is done at the server is done one after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: DesktopSoundOptions) {
    this.#options = options;
    this.#sinkName = `lumen-${options.port}`;
    this.#stateFile = path.join(options.stateDir, `sound-${options.port}.json`);
    this.#pulse = new PulseControl(options.environment);
  }

  forStream(wish: SoundWish): StreamSound {
    return new StreamSound(this, wish);
  }

  /** Begins to put back what a host that could not do so itself has changed; streams wait for it. */
  removeStale(): void {
    if (!fs.existsSync(this.#stateFile)) return;
    const { logger } = this.#options;
    logger.info({ sink: this.#sinkName }, 'putting the default sink back that was before the last streams');
    const guard = this.#restoreBy(readPrevious(this.#stateFile));
    runTask(logger, 'put default sink back', async () => {
      await this.#inTurn(() => guard.release(RESTORE_DEADLINE_MS));
    });
  }

  /** @returns the Pulse device to record */
  listen(user: StreamSound, wish: SoundWish): string {
    if (wish.playsOnHost) return '@DEFAULT_MONITOR@';
    this.#users.add(user);
    this.renew(user, wish);
    return `${this.#sinkName}.monitor`;
  }

  renew(user: StreamSound, wish: SoundWish): void {
    if (this.#users.has(user))
      runTask(this.#options.logger, 'make virtual sink', () => this.#renew(user, wish));
  }

  /** A server that is restarted is back after a while: until then it is asked again and again. */
  async #renew(user: StreamSound, { channels }: SoundWish): Promise<void> {
    for (let tries = 1; this.#users.has(user); tries += 1) {
      const problem = await this.#inTurn(() => this.#ensureSink(channels));
      if (problem === undefined || tries === MAX_TRIES) return;
      if (tries === 1) this.#warn(problem);
      await delay(RETRY_MS);
    }
  }

  release(user: StreamSound): Promise<void> {
    this.#users.delete(user);
    return this.#restore();
  }

  /** No stream listens any more. */
  close(): Promise<void> {
    this.#users.clear();
    return this.#restore();
  }

  async #restore(): Promise<void> {
    const problem = await this.#inTurn(() => this.#restoreWhenUnused());
    if (problem !== undefined) this.#warn(problem);
  }

  #warn(problem: unknown): void {
    const remedy = problem instanceof LumenError ? problem.remedy : 'run: lumen doctor';
    this.#options.logger.warn({ problem: describeError(problem), remedy }, 'no sound of the desktop');
  }

  /** @returns what `work` threw */
  #inTurn(work: () => Promise<void>): Promise<unknown> {
    const done = this.#turn.then(work).catch((error: unknown) => error);
    this.#turn = done.then(() => undefined);
    return done;
  }

  /** Also after a restart of the server, which forgets the sink but not that it is the default. */
  async #ensureSink(channels: AudioPlan['channels']): Promise<void> {
    if (this.#users.size === 0) return;
    const exists = (await this.#pulse.sinkNames()).includes(this.#sinkName);
    if (exists && this.#guard !== undefined) return;
    this.#guard ??= await this.#prepareRestore();
    if (!exists) await this.#pulse.createNullSink(this.#sinkName, channels);
    await this.#pulse.setDefault(this.#sinkName);
    this.#options.logger.info({ sink: this.#sinkName, channels }, 'programs play into the virtual sink');
  }

  async #prepareRestore(): Promise<ReleaseGuard> {
    const chosen = await this.#pulse.chosenDefault();
    // Ours is what an earlier host did not get to put back.
    const previous = chosen === this.#sinkName ? readPrevious(this.#stateFile) : (chosen ?? '');
    fs.writeFileSync(this.#stateFile, `${JSON.stringify({ version: 1, previous })}\n`, { mode: 0o600 });
    return this.#restoreBy(previous);
  }

  #restoreBy(previous: string): ReleaseGuard {
    return new ReleaseGuard(RESTORE, [this.#sinkName, previous, this.#stateFile], this.#options);
  }

  async #restoreWhenUnused(): Promise<void> {
    if (this.#users.size > 0 || this.#guard === undefined) return;
    const guard = this.#guard;
    this.#guard = undefined;
    await guard.release(RESTORE_DEADLINE_MS);
    this.#options.logger.info({ sink: this.#sinkName }, 'virtual sink removed');
  }
}

/** Empty where the file says nothing else: then the server chooses. */
const readPrevious = (stateFile: string): string => {
  try {
    const { previous } = Object(JSON.parse(fs.readFileSync(stateFile, 'utf8'))) as Record<string, unknown>;
    return typeof previous === 'string' ? previous : '';
  } catch {
    return '';
  }
};
