import assert from 'node:assert/strict';
import { createNodeCapture, explainNode } from '../../../src/capture/node-capture.js';
import type { VideoNode } from '../../../src/capture/pipewire.js';

const NODE: VideoNode = {
  id: 36,
  name: 'mutter',
  serial: 38,
  description: '',
  state: 'running',
  problem: '',
  format: { pixels: 'BGRx', width: 1280, height: 720, memory: 'shared memory' },
};

describe('a capture of a PipeWire node', () => {
  it('is told from a later one of a daemon that numbers from the start again', () => {
    const open = () =>
      createNodeCapture({ node: NODE, description: 'x', environment: {}, close: async () => undefined });
    assert.notEqual(open().identity, open().identity);
  });

  it('is closed once, however often it is asked', async () => {
    let closed = 0;
    const capture = createNodeCapture({
      node: NODE,
      description: 'x',
      environment: {},
      close: async () => {
        closed += 1;
      },
    });
    await capture.close();
    await capture.close();
    assert.equal(closed, 1);
  });

  it('knows why there may be no picture', () => {
    assert.match(explainNode(undefined), /gone/);
    assert.match(explainNode({ ...NODE, state: 'error', problem: 'no more formats' }), /no more formats/);
    assert.match(explainNode({ ...NODE, format: undefined }), /no format/);
    assert.match(explainNode({ ...NODE, state: 'suspended' }), /suspended/);
    assert.match(explainNode(NODE), /nothing was drawn/);
  });
});
