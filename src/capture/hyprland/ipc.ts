/**
 * The sockets of Hyprland (https://wiki.hypr.land/IPC/): one question a connection, text there and text back; and a second
 * socket with a line for each event, `NAME>>DATA`.
 */
import net from 'node:net';
import { LumenError } from '../../support/errors.js';
import { withDeadline } from '../../support/lifecycle.js';
import type { Output } from '../output-capture.js';

const ANSWER_DEADLINE_MS = 2000;
const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_LINE_CHARACTERS = 4096;

export const hyprlandFailed = (problem: string, cause?: unknown): LumenError =>
  new LumenError(
    'LUMEN_CAPTURE_FAILED',
    { capture: 'Hyprland', problem, remedy: 'look whether Hyprland still runs: hyprctl monitors' },
    cause,
  );

const readAnswer = (socket: net.Socket, question: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    socket.once('connect', () => socket.write(question));
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) reject(new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`));
      chunks.push(chunk);
    });
    socket.once('end', () => resolve(Buffer.concat(chunks).toString()));
    socket.once('error', reject);
  });

/**
 * Asks one question. The connection is closed at once: Hyprland waits for those that are left open.
 * @param socketPath `.socket.sock`
 * @param question as hyprctl writes it, with `j/` in front for JSON
 * @throws LumenError LUMEN_CAPTURE_FAILED
 */
export const askHyprland = async (socketPath: string, question: string): Promise<string> => {
  const socket = net.connect(socketPath);
  try {
    return await withDeadline(readAnswer(socket, question), ANSWER_DEADLINE_MS, 'the answer');
  } catch (error) {
    throw hyprlandFailed(`no answer to "${question}" at ${socketPath}`, error);
  } finally {
    socket.destroy();
  }
};

/** Runs the first of the commands that Hyprland takes: their words differ between versions. */
export const runHyprland = async (socketPath: string, commands: readonly string[]): Promise<void> => {
  let answer = '';
  for (const command of commands) {
    answer = (await askHyprland(socketPath, command)).trim();
    if (answer === 'ok') return;
  }
  throw hyprlandFailed(`"${commands[0]}": ${answer.slice(0, 200) || 'no answer'}`);
};

/** Calls `onEvent` with name and data of each event, `onClosed` when the socket is gone. @returns a function that ends it */
export const watchHyprland = (
  eventPath: string,
  onEvent: (name: string, data: string) => void,
  onClosed: () => void,
): (() => void) => {
  let rest = '';
  let isEnded = false;
  const socket = net.connect(eventPath);
  socket.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = (lines.pop() ?? '').slice(0, MAX_LINE_CHARACTERS);
    for (const line of lines) {
      const [name = '', data = ''] = line.split(/>>(.*)/s, 2);
      onEvent(name, data);
    }
  });
  // `close` follows and tells.
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    if (!isEnded) onClosed();
  });
  return () => {
    isEnded = true;
    socket.destroy();
  };
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const toOutput = (value: unknown): Output | undefined => {
  if (!isRecord(value) || typeof value['name'] !== 'string') return undefined;
  const { name, description, width, height, disabled } = value;
  const isActive = disabled !== true;
  const mode =
    isActive && typeof width === 'number' && typeof height === 'number' ? { width, height } : undefined;
  return {
    name,
    description: typeof description === 'string' ? description.slice(0, 200) : '',
    isActive,
    mode,
  };
};

/** The answer to `j/monitors all`. Pure. @returns undefined where it is none */
export const parseHyprlandOutputs = (text: string): Output[] | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.map(toOutput).filter((output) => output !== undefined) : undefined;
  } catch {
    return undefined;
  }
};
