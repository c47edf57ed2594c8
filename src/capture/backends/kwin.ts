/**
 * KDE's compositor: a screen of the client's size, or one that is there, by `zkde_screencast_unstable_v1`. KWin gives that
 * to programs by their path, so `lumen-kwin-output` asks for us (`native/kwin_output.c`). The screen belongs to its
 * connection, and it ends with our end of its standard input: nothing is left behind, however this process ends.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { LumenError } from '../../support/errors.js';
import { withDeadline } from '../../support/lifecycle.js';
import { helperProgram } from '../../support/native.js';
import type { Capture, CaptureBackend, CaptureContext, CaptureEvents, CaptureRequest } from '../capture.js';
import { awaitNode, createNodeCapture } from '../node-capture.js';

/** The helper itself waits 4 s for KWin. */
const ANSWER_DEADLINE_MS = 6000;
const CLOSE_DEADLINE_MS = 1000;
/** Exit statuses of the helper. */
const EXIT = { notOffered: 4, refused: 5 } as const;
const MAX_ERROR_CHARACTERS = 300;

type Helper = ChildProcessByStdio<Writable, Readable, Readable>;

const REMEDY_PERMISSION =
  'let KWin know the program: npm run install-host (or install the .deb), then log in again';
const REMEDY = 'log in to Plasma, or choose another source: lumen sources';

const failed = (problem: string, remedy = REMEDY, cause?: unknown): LumenError =>
  new LumenError('LUMEN_CAPTURE_FAILED', { capture: 'KDE (KWin)', problem, remedy }, cause);

/** How a helper that gave no node ended. */
class HelperError extends Error {
  readonly status: number | null;

  constructor(status: number | null, words: string) {
    super(words.trim() || `lumen-kwin-output ended with status ${status}`);
    this.status = status;
  }
}

const toLumenError = (error: unknown): LumenError => {
  if (error instanceof LumenError) return error;
  if (error instanceof HelperError && error.status === EXIT.notOffered)
    return failed(error.message, REMEDY_PERMISSION, error);
  return failed(error instanceof Error ? error.message : String(error), REMEDY, error);
};

const startHelper = (args: readonly string[], environment: CaptureContext['environment']): Helper =>
  spawn(helperProgram('lumen-kwin-output'), args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...environment },
  });

/**
 * What a helper prints until `isComplete`, or until it ends well.
 * @throws HelperError when it ends badly, Error when it does not start or is silent too long
 */
const readReply = async (helper: Helper, isComplete: (text: string) => boolean): Promise<string> => {
  let text = '';
  let words = '';
  helper.stderr.on('data', (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(0, MAX_ERROR_CHARACTERS);
  });
  // What its end means is said below; a pipe that broke before says nothing more.
  helper.stdin.on('error', () => helper.kill());
  const reply = new Promise<string>((resolve, reject) => {
    helper.stdout.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(0, 4096);
      if (isComplete(text)) resolve(text);
    });
    helper.once('error', reject);
    helper.once('close', (status) => {
      if (status === 0) resolve(text);
      else reject(new HelperError(status, words));
    });
  });
  try {
    return await withDeadline(reply, ANSWER_DEADLINE_MS, 'the answer of KWin');
  } catch (error) {
    helper.kill();
    throw error;
  }
};

const listOutputs = async (environment: CaptureContext['environment']): Promise<string[]> => {
  if (!environment['WAYLAND_DISPLAY']) throw failed('WAYLAND_DISPLAY is not set');
  try {
    const text = await readReply(startHelper(['list'], environment), () => false);
    return text.split('\n').filter((name) => name !== '');
  } catch (error) {
    throw toLumenError(error);
  }
};

/** A screen that KWin shows us: the helper that holds it, and its PipeWire node. */
interface Cast {
  readonly helper: Helper;
  readonly nodeId: number;
  readonly description: string;
}

const startCast = async (
  args: readonly string[],
  description: string,
  environment: CaptureContext['environment'],
): Promise<Cast> => {
  const helper = startHelper(args, environment);
  const text = await readReply(helper, (reply) => reply.includes('\n'));
  const nodeId = Number(/^node (\d+)$/m.exec(text)?.[1]);
  if (!Number.isSafeInteger(nodeId)) throw new Error('lumen-kwin-output gave no node');
  return { helper, nodeId, description };
};

/** KWin without a graphics card, or inside another desktop, can only show what is there (as of 5.27). */
const startAnyCast = async (
  { mode, target }: CaptureRequest,
  { environment, logger }: CaptureContext,
): Promise<Cast> => {
  const showOutput = (name: string): Promise<Cast> =>
    startCast(['output', name], `KDE screen ${name}`, environment);
  if (target !== undefined) return showOutput(target);
  const { width, height, fps } = mode;
  try {
    const args = ['virtual', 'Lumen', String(width), String(height)];
    return await startCast(args, `KDE virtual screen ${width}x${height}@${fps}`, environment);
  } catch (error) {
    const [first] = await listOutputs(environment);
    if (!(error instanceof HelperError) || error.status !== EXIT.refused || first === undefined) throw error;
    logger.warn({ problem: error.message, shows: first }, 'KWin makes no screen of the client’s size here');
    return showOutput(first);
  }
};

const endHelper = async (helper: Helper): Promise<void> => {
  if (helper.exitCode !== null || helper.signalCode !== null) return;
  const ended = once(helper, 'exit');
  helper.stdin.end();
  await withDeadline(ended, CLOSE_DEADLINE_MS, 'lumen-kwin-output').catch(() => helper.kill('SIGKILL'));
};

const openCast = async (
  context: CaptureContext,
  request: CaptureRequest,
  events: CaptureEvents,
): Promise<Capture> => {
  let cast: Cast | undefined;
  try {
    cast = await startAnyCast(request, context);
    const { helper, nodeId, description } = cast;
    const node = await awaitNode(nodeId, context.environment, (problem) => failed(problem));
    let isClosed = false;
    helper.once('exit', () => {
      if (!isClosed) events.onEnded('KWin ended the screen cast');
    });
    const close = (): Promise<void> => {
      isClosed = true;
      return endHelper(helper);
    };
    return createNodeCapture({ node, description, environment: context.environment, close });
  } catch (error) {
    if (cast !== undefined) await endHelper(cast.helper);
    throw toLumenError(error);
  }
};

export const createKwinBackend = (context: CaptureContext): CaptureBackend => ({
  name: 'kwin',
  title: 'KDE (KWin)',
  stageFor: () => 'pipewire',
  async check(target) {
    const outputs = await listOutputs(context.environment);
    if (target !== undefined && !outputs.includes(target)) {
      const alternatives = `; there are: ${outputs.join(', ') || 'none'}`;
      throw new LumenError('LUMEN_SOURCE_MISSING', { source: `kwin:${target}`, alternatives });
    }
    return 'KWin lets lumen-kwin-output show screens';
  },
  list: async () => (await listOutputs(context.environment)).map((name) => ({ name, description: '' })),
  open: (request, events) => openCast(context, request, events),
  // KWin takes a screen away with the connection that asked for it.
  removeStale: async () => undefined,
});
