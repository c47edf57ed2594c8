/** What all captures that are a node of the default PipeWire daemon have in common. */
import { randomUUID } from 'node:crypto';
import { LumenError } from '../support/errors.js';
import { delay } from '../support/lifecycle.js';
import type { Capture, CaptureContext } from './capture.js';
import { listVideoNodes, type VideoNode } from './pipewire.js';

export interface NodeCaptureOptions {
  readonly node: VideoNode;
  readonly description: string;
  readonly environment: CaptureContext['environment'];
  /** See {@link Capture.openRemote}. */
  openRemote?(): Promise<number>;
  /** Removes what was made for it; called once. */
  close(): Promise<void>;
}

const NODE_DEADLINE_MS = 3000;
const NODE_POLL_MS = 50;

/**
 * The node of an id that a compositor named: it may take a moment until the daemon lists it.
 * @param failed makes the error of the back end
 */
export const awaitNode = async (
  id: number,
  environment: CaptureContext['environment'],
  failed: (problem: string) => LumenError,
): Promise<VideoNode> => {
  for (let waitedMs = 0; waitedMs < NODE_DEADLINE_MS; waitedMs += NODE_POLL_MS) {
    const node = (await listVideoNodes(environment)).find((candidate) => candidate.id === id);
    if (node !== undefined) return node;
    await delay(NODE_POLL_MS);
  }
  throw failed(`PipeWire does not have its node ${id}: they use different daemons`);
};

/** Why a node that a graph is connected to gave no picture yet, as far as the daemon knows. Pure. */
export const explainNode = (node: VideoNode | undefined): string => {
  if (node === undefined) return 'its PipeWire node is gone';
  if (node.state === 'error') return `its PipeWire node has an error: ${node.problem || 'no reason given'}`;
  if (node.format === undefined) return 'no format was agreed with its PipeWire node';
  if (node.state !== 'running') return `its PipeWire node is ${node.state}: nothing is linked to it`;
  return 'nothing was drawn: its PipeWire node runs and sends no frame';
};

/** A node that was looked up just now, as a capture. */
export const createNodeCapture = (options: NodeCaptureOptions): Capture => {
  const { node, description, environment } = options;
  let closing: Promise<void> | undefined;
  const find = async (): Promise<VideoNode | undefined> =>
    (await listVideoNodes(environment)).find(({ serial }) => serial === node.serial);
  return {
    // A daemon that was started anew gives the same numbers again.
    identity: `${node.serial}/${randomUUID()}`,
    description,
    properties: { 'target-object': String(node.serial) },
    async check() {
      if ((await find()) !== undefined) return;
      throw new LumenError('LUMEN_SOURCE_MISSING', { source: description, alternatives: ' any more' });
    },
    explainSilence: async () => explainNode(await find()),
    async describeFormat() {
      const format = (await find())?.format;
      return format && `${format.memory}, ${format.width}x${format.height} ${format.pixels}`;
    },
    ...(options.openRemote && { openRemote: options.openRemote }),
    close() {
      closing ??= options.close();
      return closing;
    },
  };
};
