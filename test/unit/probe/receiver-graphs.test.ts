import assert from 'node:assert/strict';
import {
  buildAudioGraph,
  buildVideoGraph,
  decodersFor,
  pingProperties,
  toColorimetry,
  type VideoGraphOptions,
} from '../../../src/probe/receiver-graphs.js';

const KEY = '000102030405060708090a0b0c0d0e0f';
const video: VideoGraphOptions = {
  codec: 'h264',
  decoder: 'avdec_h264',
  hostAddress: '127.0.0.1',
  packetSize: 1392,
  colorimetry: '2:3:5:1',
  key: null,
  dropPercent: 0,
  dropSeed: 1,
  saveFile: null,
  snapshotFile: null,
};
const media = { port: 48000, pingPayload: '9C41E07B52D3AA18' };

describe('probe/receiver-graphs', () => {
  it('receives, orders, decodes and counts', () => {
    const { launch, properties, isOptional } = buildVideoGraph(video);
    const elements = launch.split(' ! ').map((stage) => stage.split(' ')[0]);
    assert.deepEqual(elements, [
      'moonlightsrc',
      'moonlightdepay',
      'queue',
      'h264parse',
      'avdec_h264',
      'framecounter',
      'fakesink',
    ]);
    assert.deepEqual(properties, []);
    assert.equal(isOptional, false);
  });

  it('keeps the key and file names out of the launch string', () => {
    const graph = buildVideoGraph({
      ...video,
      key: KEY,
      saveFile: '/tmp/a ! b.h264',
      snapshotFile: '/tmp/50%.png',
    });
    for (const secret of [KEY, '/tmp']) assert.ok(!graph.launch.includes(secret), secret);
    assert.deepEqual(graph.properties, [
      { element: 'depay', property: 'key', value: KEY },
      { element: 'save', property: 'location', value: '/tmp/a ! b.h264' },
      { element: 'snapshot', property: 'location', value: '/tmp/50%%.png' },
    ]);
  });

  it('pings nobody from the video graph and the host at once from the audio graph', () => {
    assert.doesNotMatch(buildVideoGraph(video).launch, /remote|ping/);
    assert.match(buildVideoGraph(video).launch, /address=0\.0\.0\.0 /);
    assert.match(buildVideoGraph({ ...video, hostAddress: 'fd00::1' }).launch, /address=:: /);
    const audio = buildAudioGraph({
      hostAddress: '127.0.0.1',
      media,
      packetDurationMs: 5,
      layout: '660012345',
      key: null,
      keyId: 4_294_967_294,
      dropPercent: 0,
      dropSeed: 1,
    });
    assert.match(audio.launch, / opus-layout=660012345 .*channeltones name=tones mode=read/);
    assert.deepEqual(audio.properties, [
      { element: 'src', property: 'ping-payload', value: '9C41E07B52D3AA18' },
      { element: 'src', property: 'remote-host', value: '127.0.0.1' },
      { element: 'src', property: 'remote-port', value: 48000 },
    ]);
    assert.match(audio.launch, /key-id=4294967294/);
    assert.equal(audio.isOptional, true);
  });

  it('sets the port last, since that starts the pings, and pings the old way without a payload', () => {
    const names = pingProperties('::1', { port: 1, pingPayload: null });
    assert.deepEqual(
      names.map(({ name }) => name),
      ['ping-payload', 'remote-host', 'remote-port'],
    );
    assert.equal(names[0]?.value, '');
  });

  it('measures colours as the client asked for them, and Rec.2020 in eight bits as the Rec.709 that hosts send', () => {
    assert.match(buildVideoGraph(video).launch, /framecounter name=counter mode=read colorimetry=2:3:5:1/);
    assert.equal(toColorimetry(8, 'bt601', true), '1:4:16:4');
    assert.equal(toColorimetry(10, 'bt2020', false), '2:6:13:7');
    assert.equal(toColorimetry(8, 'bt2020', false), '2:3:5:1');
  });

  it('knows decoders for every codec', () => {
    for (const codec of ['h264', 'hevc', 'av1'] as const) {
      const decoder = decodersFor(codec)[0] ?? '';
      assert.match(buildVideoGraph({ ...video, codec, decoder }).launch, new RegExp(`parse ! ${decoder}`));
    }
  });
});
