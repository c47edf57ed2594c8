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

/** A node that was looked up just now, as a capture. */
export const createNodeCapture = (options: NodeCaptureOptions): Capture => {
  const { node, description, environment } = options;
  let closing: Promise<void> | undefined;
  return {
    identity: String(node.serial),
    description,
    properties: { 'target-object': String(node.serial) },
    async check() {
      const nodes = await listVideoNodes(environment);
      if (nodes.some(({ serial }) => serial === node.serial)) return;
      throw new LumenError('LUMEN_SOURCE_MISSING', { source: description, alternatives: ' any more' });
    },
    async explainSilence() {
      const nodes = await listVideoNodes(environment);
      return nodes.some(({ serial }) => serial === node.serial)
        ? 'the node is there, but nothing was drawn'
        : 'its PipeWire node is gone';
    },
    describeFormat: async () => undefined,
    close() {
      closing ??= options.close();
      return closing;
    },
  };
};
