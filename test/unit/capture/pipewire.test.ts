import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseVideoNodes, pickVideoNode } from '../../../src/capture/pipewire.js';

const node = (id: number, props: object, type = 'PipeWire:Interface:Node') => ({ id, type, info: { props } });
const DUMP = JSON.stringify([
  { id: 0, type: 'PipeWire:Interface:Core', info: { props: {} } },
  node(30, { 'media.class': 'Audio/Sink', 'node.name': 'speakers', 'object.serial': 30 }),
  node(36, {
    'media.class': 'Video/Source',
    'node.name': 'cam',
    'object.serial': 37,
    'node.description': 'Camera',
  }),
  node(40, { 'media.class': 'Stream/Output/Video', 'node.name': 'screen', 'object.serial': 52 }),
  node(41, { 'media.class': 'Video/Source', 'node.name': 'cam', 'object.serial': 60 }),
  { id: 50, type: 'PipeWire:Interface:Node', info: null },
]);

const nodes = () => {
  const parsed = parseVideoNodes(DUMP);
  assert.ok(parsed.ok);
  return parsed.value;
};

describe('pipewire', () => {
  it('finds the nodes that offer pictures and no others', () => {
    assert.deepEqual(
      nodes().map(({ id }) => id),
      [36, 40, 41],
    );
    assert.deepEqual(nodes()[0], {
      id: 36,
      name: 'cam',
      serial: 37,
      description: 'Camera',
      state: '',
      problem: '',
      format: undefined,
    });
  });

  it('picks by id, then by name, and of several the newest', () => {
    assert.equal(pickVideoNode(nodes(), '36')?.serial, 37);
    assert.equal(pickVideoNode(nodes(), 'screen')?.id, 40);
    assert.equal(pickVideoNode(nodes(), 'cam')?.serial, 60);
    assert.equal(pickVideoNode(nodes(), 'speakers'), undefined);
  });

  it('reads state, problem and the agreed format of a node', () => {
    const info = {
      state: 'running',
      error: null,
      props: { 'media.class': 'Video/Source' },
      params: { Format: [{ format: 'BGRx', size: { width: 1280, height: 720 }, modifier: 0 }] },
    };
    const parsed = parseVideoNodes(JSON.stringify([{ id: 7, type: 'PipeWire:Interface:Node', info }]));
    assert.ok(parsed.ok);
    const [read] = parsed.value;
    assert.deepEqual([read?.state, read?.problem], ['running', '']);
    assert.deepEqual(read?.format, { pixels: 'BGRx', width: 1280, height: 720, memory: 'DMABUF' });
  });

  it('says why a text is no dump', () => {
    assert.deepEqual(parseVideoNodes('nonsense'), { ok: false, reason: 'pw-dump printed no JSON' });
    assert.deepEqual(parseVideoNodes('{}'), { ok: false, reason: 'pw-dump printed no list' });
  });

  it('answers any JSON with nodes or a reason', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const parsed = parseVideoNodes(text);
        assert.ok(parsed.ok ? Array.isArray(parsed.value) : parsed.reason !== '');
      }),
    );
  });
});
