/** gamescope: the picture of the game it shows, which it offers as a PipeWire node of its name. Its size is gamescope's. */
import type { Capture, CaptureBackend, CaptureContext } from '../capture.js';
import { createNodeCapture } from '../node-capture.js';
import { findVideoNode } from '../pipewire.js';

const NODE_NAME = 'gamescope';

export const createGamescopeBackend = ({ environment }: CaptureContext): CaptureBackend => ({
  name: 'gamescope',
  title: 'gamescope',
  stageFor: () => 'pipewire',
  async check() {
    const node = await findVideoNode(NODE_NAME, environment);
    return `gamescope offers the PipeWire node ${node.id}`;
  },
  list: async () => [],
  async open(): Promise<Capture> {
    const node = await findVideoNode(NODE_NAME, environment);
    return createNodeCapture({ node, description: 'gamescope', environment, close: async () => undefined });
  },
  // What it shows is its own.
  removeStale: async () => undefined,
});
