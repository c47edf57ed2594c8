/**
 * sway: an output made over its IPC at the client's mode, or one that is there; captured by the element
 * `wlrscreencopysrc`, which connects to sway itself. sway-ipc(7), sway-output(5).
 */
import fs from 'node:fs';
import { describeError, LumenError } from '../../support/errors.js';
import { delay } from '../../support/lifecycle.js';
import type { Logger } from '../../support/logger.js';
import type {
  Capture,
  CaptureBackend,
  CaptureContext,
  CaptureEvents,
  CaptureMode,
  CaptureRequest,
} from '../capture.js';
import { createOutputCapture, describeMode, findCompositor, requireOutput } from '../output-capture.js';
import { OutputRecords } from '../output-records.js';
import { ReleaseGuard } from '../release-guard.js';
import { connectSway, type SwayConnection } from '../sway/connection.js';

/**
 * sway up to 1.7 can neither remove a headless output nor switch it off: it is made as small and slow as can be, and taken
 * up again by the next stream.
 */
const RELEASE =
  'swaymsg --socket "$1" "output $2 unplug" || swaymsg --socket "$1" "output $2 mode --custom 16x16@1Hz"';
/**
 * A headless output begins to wait for its next picture only when it has drawn one, so that at the client's rate it
 * would stay below that (measured: 50 at 60 Hz). The frame sampler brings the rate to the client's.
 */
const REFRESH_FACTOR = 2;
const MODE_DEADLINE_MS = 2000;
const POLL_MS = 20;

/** Where this session's sway is. */
interface Session {
  readonly socket: string;
  /** Path of the Wayland socket, for the media process. */
  readonly display: string;
}

const findSession = (environment: CaptureContext['environment']): Session => {
  const { id, display } = findCompositor(environment, 'sway', 'SWAYSOCK');
  return { socket: id, display };
};

/** What every capture of this back end is made of. */
interface Parts {
  readonly session: Session;
  readonly connection: SwayConnection;
  readonly output: string;
  readonly description: string;
  /** What it was made at; undefined where it was there. */
  readonly mode?: CaptureMode;
  /** Undoes what was made for it; called once. */
  release(): Promise<void>;
}

/** Tells of an output that goes. A new size tells the element itself. */
const watch = ({ connection, output }: Parts, events: CaptureEvents): Promise<void> =>
  connection.watch({
    onClosed: () => events.onEnded('sway is gone'),
    onOutputs: () => {
      connection
        .outputs()
        .then((outputs) => requireOutput('sway', outputs, output))
        .catch((error: unknown) => {
          if (!connection.isClosed) events.onEnded(describeError(error));
        });
    },
  });

/** Switches `output` on at a mode and waits until it is. */
const setMode = async (connection: SwayConnection, output: string, mode: CaptureMode): Promise<void> => {
  const { width, height, fps } = mode;
  const size = `${width}x${height}@${fps * REFRESH_FACTOR}Hz`;
  await connection.run(`output ${output} enable mode --custom ${size} scale 1 transform normal`);
  const endMs = performance.now() + MODE_DEADLINE_MS;
  for (;;) {
    const now = (await connection.outputs()).find(({ name }) => name === output)?.mode;
    if (now?.width === width && now.height === height) return;
    if (performance.now() > endMs) break;
    await delay(POLL_MS);
  }
  const remedy = `try it by hand: swaymsg 'output ${output} mode --custom ${size}'`;
  throw new LumenError('LUMEN_CAPTURE_FAILED', { capture: 'sway', problem: `no mode ${size}`, remedy });
};

const createCapture = (parts: Parts, logger: Logger): Capture => {
  const { session, connection, output, description, mode, release } = parts;
  return createOutputCapture({
    kind: 'sway',
    output,
    description,
    display: session.display,
    listOutputs: () => connection.outputs(),
    made: mode && { mode, restore: () => setMode(connection, output, mode) },
    release: () => release().finally(() => connection.close()),
    logger,
  });
};

class SwayBackend implements CaptureBackend {
  readonly name = 'sway';
  readonly title = 'sway';
  readonly #context: CaptureContext;
  readonly #records: OutputRecords;

  constructor(context: CaptureContext) {
    this.#context = context;
    this.#records = new OutputRecords(context.stateDir);
  }

  stageFor(): string {
    return 'wlroots';
  }

  async check(target?: string): Promise<string> {
    return this.#withSway(async (connection) => {
      if (target !== undefined) requireOutput('sway', await connection.outputs(), target);
      return `${await connection.version()} answers at SWAYSOCK`;
    });
  }

  list(): ReturnType<CaptureBackend['list']> {
    return this.#withSway(async (connection) =>
      (await connection.outputs())
        .filter(({ isActive }) => isActive)
        .map(({ name, description }) => ({ name, description })),
    );
  }

  async open({ mode, target }: CaptureRequest, events: CaptureEvents): Promise<Capture> {
    const session = findSession(this.#context.environment);
    const connection = await connectSway(session.socket);
    try {
      const parts =
        target === undefined
          ? await this.#makeOutput(session, connection, mode)
          : await this.#takeOutput(session, connection, target);
      await watch(parts, events);
      return createCapture(parts, this.#context.logger);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** An output that cannot be removed stays ours for a later stream. */
  async removeStale(): Promise<void> {
    this.#records.forgetCompositors((socket) => fs.existsSync(socket));
    const { socket } = findSession(this.#context.environment);
    for (const output of this.#records.unused(socket)) {
      await new ReleaseGuard(RELEASE, [socket, output], this.#context).release();
      await this.#noteReleased(socket, output);
    }
  }

  async #withSway<T>(ask: (connection: SwayConnection) => Promise<T>): Promise<T> {
    const connection = await connectSway(findSession(this.#context.environment).socket);
    try {
      return await ask(connection);
    } finally {
      connection.close();
    }
  }

  async #takeOutput(session: Session, connection: SwayConnection, output: string): Promise<Parts> {
    requireOutput('sway', await connection.outputs(), output);
    return { session, connection, output, description: `output ${output}`, release: async () => undefined };
  }

  async #makeOutput(session: Session, connection: SwayConnection, mode: CaptureMode): Promise<Parts> {
    const { socket } = session;
    const output = await this.#createOutput(socket, connection);
    const guard = new ReleaseGuard(RELEASE, [socket, output], this.#context);
    const release = async (): Promise<void> => {
      await guard.release();
      await this.#noteReleased(socket, output);
    };
    try {
      await setMode(connection, output, mode);
      // New windows open where the client looks.
      await connection.run(`focus output ${output}`);
    } catch (error) {
      await release();
      throw error;
    }
    return {
      session,
      connection,
      output,
      mode,
      release,
      description: `output ${output} ${describeMode(mode)}`,
    };
  }

  /** One of ours that nobody uses, or a new one. */
  async #createOutput(socket: string, connection: SwayConnection): Promise<string> {
    const before = (await connection.outputs()).map(({ name }) => name);
    const unused = this.#records.unused(socket).find((name) => before.includes(name));
    if (unused !== undefined) {
      this.#records.take(socket, unused);
      return unused;
    }
    await connection.run('create_output');
    const made = (await connection.outputs()).find(({ name }) => !before.includes(name));
    if (made === undefined) {
      const remedy = 'name an output that is there: --source sway:NAME (lumen sources lists them)';
      throw new LumenError('LUMEN_CAPTURE_FAILED', {
        capture: 'sway',
        problem: 'create_output made none',
        remedy,
      });
    }
    this.#records.take(socket, made.name);
    return made.name;
  }

  /** Looks what has become of an output that was released. */
  async #noteReleased(socket: string, output: string): Promise<void> {
    const outputs = await this.#withSway((connection) => connection.outputs()).catch(() => []);
    if (outputs.some(({ name }) => name === output)) this.#records.leave(socket, output);
    else this.#records.forget(socket, output);
  }
}

export const createSwayBackend = (context: CaptureContext): CaptureBackend => new SwayBackend(context);
