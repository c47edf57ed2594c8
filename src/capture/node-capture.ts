/** What all captures that are a node of the default PipeWire daemon have in common. */
import { LumenError } from '../support/errors.js';
import type { Capture, CaptureContext } from './capture.js';
import { listVideoNodes, type VideoNode } from './pipewire.js';

export interface NodeCaptureOptions {
  readonly node: VideoNode;
  readonly description: string;
  readonly environment: CaptureContext['environment'];
  /** Removes what was made for it; called once. */
  close(): Promise<void>;
}

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
    identity: String(node.serial),
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
    close() {
      closing ??= options.close();
      return closing;
    },
  };
};
