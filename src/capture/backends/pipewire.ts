/** A PipeWire video node by name or id: another program's output, a camera, a compositor's own node. */
import { LumenError } from '../../support/errors.js';
import type { Capture, CaptureBackend, CaptureContext, CaptureRequest } from '../capture.js';
import { createNodeCapture } from '../node-capture.js';
import { findVideoNode, listVideoNodes } from '../pipewire.js';

const requireTarget = (target: string | undefined): string => {
  if (target !== undefined) return target;
  throw new LumenError('LUMEN_SOURCE_MISSING', { source: 'pipewire', alternatives: ' without a name' });
};

export const createPipewireBackend = ({ environment }: CaptureContext): CaptureBackend => ({
  name: 'pipewire',
  title: 'PipeWire video node',
  stageFor: () => 'pipewire',
  async check(target) {
    const node = await findVideoNode(requireTarget(target), environment);
    return `PipeWire has the node ${node.name} (${node.id})`;
  },
  async list() {
    const nodes = await listVideoNodes(environment);
    return nodes.map(({ id, name, description }) => ({ name: name || String(id), description }));
  },
  async open({ target }: CaptureRequest): Promise<Capture> {
    const node = await findVideoNode(requireTarget(target), environment);
    const description = `PipeWire node ${node.name || node.id}`;
    return createNodeCapture({ node, description, environment, close: async () => undefined });
  },
  removeStale: async () => undefined,
});
