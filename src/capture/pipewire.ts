/**
 * Finds and watches PipeWire video nodes through `pw-dump`, a process of its own: a graph on a node that does not exist
 * would block for 90 s, and nothing in a graph says that its producer has gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { LumenError } from '../support/errors.js';

const LOOKUP_DEADLINE_MS = 3000;
/** A desktop's dump has about 300 KB. */
const MAX_DUMP_BYTES = 16 * 1024 * 1024;
const MAX_ALTERNATIVES = 8;

/** A node that offers pictures. */
export interface VideoNode {
  /** Number that PipeWire may give to another object once this one is gone. */
  readonly id: number;
  readonly name: string;
  /** Number that is never given again: what `pipewiresrc target-object` takes. */
  readonly serial: number;
  /** For people; may be empty. */
  readonly description: string;
  /** `creating`, `suspended`, `idle`, `running` or `error`. */
  readonly state: string;
  /** What went wrong with it; empty where nothing did. */
  readonly problem: string;
  /** How its pictures travel to whoever shows it; undefined while nobody does. */
  readonly format: PictureFormat | undefined;
}

/** What producer and consumer agreed on. */
export interface PictureFormat {
  /** `BGRx`, `NV12`, … */
  readonly pixels: string;
  readonly width: number;
  readonly height: number;
  /** A format with a modifier is one of GPU buffers. */
  readonly memory: 'DMABUF' | 'shared memory';
}

type Environment = Readonly<Record<string, string | undefined>>;
type ParseResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const toText = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 200) : '');

/** The parameter `Format` of a node: a list of one once it is agreed. */
const toPictureFormat = (info: Record<string, unknown>): PictureFormat | undefined => {
  const params = isRecord(info['params']) ? info['params'] : {};
  const [format] = Array.isArray(params['Format']) ? params['Format'] : [];
  if (!isRecord(format) || !isRecord(format['size'])) return undefined;
  const width = Number(format['size']['width']);
  const height = Number(format['size']['height']);
  if (!Number.isSafeInteger(width) || !Number.isSafeInteger(height)) return undefined;
  const memory = format['modifier'] === undefined ? 'shared memory' : 'DMABUF';
  return { pixels: toText(format['format']), width, height, memory };
};

const toVideoNode = (object: unknown): VideoNode | undefined => {
  if (!isRecord(object) || object['type'] !== 'PipeWire:Interface:Node') return undefined;
  const info = object['info'];
  const id = object['id'];
  if (!isRecord(info) || !isRecord(info['props']) || typeof id !== 'number') return undefined;
  const props = info['props'];
  // Screen casts call themselves Stream/Output/Video, cameras and virtual sources Video/Source.
  if (!/^(Video\/Source|Stream\/Output\/Video)/.test(toText(props['media.class']))) return undefined;
  const serial = Number(props['object.serial'] ?? id);
  if (!Number.isSafeInteger(serial) || serial < 0) return undefined;
  const description = toText(props['node.description']) || toText(props['media.name']);
  const name = toText(props['node.name']);
  const [state, problem] = [toText(info['state']), toText(info['error'])];
  return { id, name, serial, description, state, problem, format: toPictureFormat(info) };
};

/** The video nodes in what `pw-dump` printed. Pure. */
export const parseVideoNodes = (text: string): ParseResult<VideoNode[]> => {
  let objects: unknown;
  try {
    objects = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'pw-dump printed no JSON' };
  }
  if (!Array.isArray(objects)) return { ok: false, reason: 'pw-dump printed no list' };
  const nodes = objects.map(toVideoNode).filter((node) => node !== undefined);
  return { ok: true, value: nodes };
};

/** Picks a node by name or id. A name of digits is an id first. Of several with one name the newest wins. Pure. */
export const pickVideoNode = (nodes: readonly VideoNode[], nameOrId: string): VideoNode | undefined => {
  const byId = /^\d+$/.test(nameOrId) ? nodes.find((node) => node.id === Number(nameOrId)) : undefined;
  if (byId !== undefined) return byId;
  return nodes.filter((node) => node.name === nameOrId).sort((a, b) => b.serial - a.serial)[0];
};

const unreachable = (problem: string, cause?: unknown): LumenError =>
  new LumenError('LUMEN_PIPEWIRE_UNREACHABLE', { problem }, cause);

const startDump = (environment: Environment, options: readonly string[]): ChildProcess =>
  spawn('pw-dump', ['--no-colors', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environment },
  });

const describeSpawnError = (error: NodeJS.ErrnoException): string =>
  error.code === 'ENOENT'
    ? 'pw-dump is not installed (package pipewire-bin or pipewire-utils)'
    : error.message;

/** Runs `pw-dump` to its end. @throws LumenError LUMEN_PIPEWIRE_UNREACHABLE */
const dumpObjects = (environment: Environment, deadlineMs: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = startDump(environment, []);
    const chunks: Buffer[] = [];
    let bytes = 0;
    let errors = '';
    let problem: string | undefined;
    const giveUp = (reason: string) => {
      problem ??= reason;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => giveUp(`pw-dump did not answer in ${deadlineMs} ms`), deadlineMs);
    child.stdout?.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_DUMP_BYTES) giveUp(`pw-dump printed more than ${MAX_DUMP_BYTES} bytes`);
      else chunks.push(chunk);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(0, 500);
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(unreachable(describeSpawnError(error), error));
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      if (problem !== undefined || code !== 0) {
        reject(unreachable(problem ?? (errors.trim() || `pw-dump ended with status ${code}`)));
      } else {
        resolve(Buffer.concat(chunks).toString());
      }
    });
  });

/**
 * The video nodes of the running PipeWire daemon.
 * @param environment says where the daemon is (`XDG_RUNTIME_DIR`, `PIPEWIRE_REMOTE`)
 * @throws LumenError LUMEN_PIPEWIRE_UNREACHABLE
 */
export const listVideoNodes = async (
  environment: Environment,
  deadlineMs = LOOKUP_DEADLINE_MS,
): Promise<VideoNode[]> => {
  const parsed = parseVideoNodes(await dumpObjects(environment, deadlineMs));
  if (!parsed.ok) throw unreachable(parsed.reason);
  return parsed.value;
};

const describeAlternatives = (nodes: readonly VideoNode[]): string => {
  if (nodes.length === 0) return '; PipeWire has no video nodes at all';
  const shown = nodes.slice(0, MAX_ALTERNATIVES).map((node) => `${node.name || '(no name)'} (${node.id})`);
  const more = nodes.length > MAX_ALTERNATIVES ? ` and ${nodes.length - MAX_ALTERNATIVES} more` : '';
  return `; there are: ${shown.join(', ')}${more}`;
};

/**
 * Finds one video node.
 * @param nameOrId what follows `pipewire:` in `--source`
 * @throws LumenError LUMEN_SOURCE_MISSING naming the nodes there are, LUMEN_PIPEWIRE_UNREACHABLE
 */
export const findVideoNode = async (nameOrId: string, environment: Environment): Promise<VideoNode> => {
  const nodes = await listVideoNodes(environment);
  const node = pickVideoNode(nodes, nameOrId);
  if (node !== undefined) return node;
  throw new LumenError('LUMEN_SOURCE_MISSING', {
    source: `pipewire:${nameOrId}`,
    alternatives: describeAlternatives(nodes),
  });
};
