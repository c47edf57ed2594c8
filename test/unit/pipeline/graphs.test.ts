import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { loadCatalog, requireDescription } from '../../../src/pipeline/catalog.js';
import { buildGraphs, type GraphRequest, toLiveProperties } from '../../../src/pipeline/graphs.js';
import { STREAM_PLAN } from '../../support/plans.js';

const catalog = loadCatalog(
  fileURLToPath(new URL('../../../../pipelines/', import.meta.url)),
  '/nonexistent',
);
const encoder = (name: string) => requireDescription('encoders', catalog.encoders, name);
const KEY = STREAM_PLAN.riKey.toString('hex');

const REQUEST: GraphRequest = {
  plan: STREAM_PLAN,
  videoSource: { description: requireDescription('sources', catalog.sources, 'test'), properties: {} },
  videoEncoder: encoder('x264'),
  audio: {
    source: { description: requireDescription('audio', catalog.audio, 'test'), properties: {} },
    encoder: encoder('opus'),
  },
  descriptors: { videoSocket: 3, audioSocket: 4, sessionPage: 5 },
  firstFrameNumber: 100,
};

describe('graphs', () => {
  it('builds the video graph of a test source and x264', () => {
    const [video] = buildGraphs(REQUEST);
    assert.equal(
      video?.launch,
      'videotestsrc name=source is-live=true pattern=smpte horizontal-speed=4 ! ' +
        'video/x-raw,format=I420,width=1280,height=720,framerate=60/1,colorimetry=2:3:5:1 ! ' +
        'framecounter name=counter start=100 ! ' +
        'videoconvertscale add-borders=true ! ' +
        'video/x-raw,format=I420,width=1280,height=720,pixel-aspect-ratio=1/1,colorimetry=2:3:5:1 ! ' +
        'framesampler name=sampler framerate=60/1 hold=true ! ' +
        'x264enc name=encoder tune=zerolatency speed-preset=ultrafast bitrate=8000 vbv-buf-capacity=17 ' +
        'threads=1 ref=1 bframes=0 key-int-max=2147483647 option-string=scenecut=0 aud=false byte-stream=true ' +
        'insert-vui=true ! video/x-h264,stream-format=byte-stream,alignment=au ! ' +
        'moonlightpay name=pay packet-size=1024 fec-percentage=20 min-fec-packets=2 ! ' +
        'moonlightsink name=sink port=0 dscp=0 link-kbps=800000',
    );
    assert.equal(video?.isOptional, false);
  });

  it('shows a client that was told of HDR nothing else', () => {
    const video = { ...STREAM_PLAN.video, codec: 'hevc', colorSpace: 'bt2100-pq', bitDepth: 10 } as const;
    const request = { ...REQUEST, videoEncoder: encoder('x265'), plan: { ...STREAM_PLAN, video } };
    const { description } = REQUEST.videoSource;
    assert.throws(() => buildGraphs(request), /LUMEN_PIPELINE_INVALID|not HDR any more/);
    const hdr = { ...request, videoSource: { description: { ...description, hdr: true }, properties: {} } };
    assert.match(buildGraphs(hdr)[0]?.launch ?? '', /colorimetry=2:6:14:7/);
  });

  it('says what to set in a playing graph, in the unit of each encoder, and nothing where the encoder would reopen', () => {
    const tuning = { encoderKbps: 4000, fecPercentage: 45, minFecPackets: 3 };
    const parity = [
      { element: 'pay', property: 'fec-percentage', value: 45 },
      { element: 'pay', property: 'min-fec-packets', value: 3 },
    ];
    assert.deepEqual(toLiveProperties(encoder('x264'), STREAM_PLAN.video, tuning), [
      ...parity,
      { element: 'encoder', property: 'bitrate', value: '4000' },
    ]);
    assert.deepEqual(toLiveProperties(encoder('openh264'), STREAM_PLAN.video, tuning), [
      ...parity,
      { element: 'encoder', property: 'max-bitrate', value: '4000000' },
      { element: 'encoder', property: 'bitrate', value: '4000000' },
    ]);
    assert.deepEqual(toLiveProperties(encoder('x265'), STREAM_PLAN.video, tuning), []);
    const own = encoder('x264').encode.replace(/bitrate=\S+/, 'bitrate=6000');
    const fixed = { ...encoder('x264'), encode: own };
    assert.deepEqual(toLiveProperties(fixed, STREAM_PLAN.video, tuning), [], 'the owner wrote a figure');
  });

  it('builds the audio graph as one that may fail alone', () => {
    const [, audio] = buildGraphs(REQUEST);
    assert.equal(
      audio?.launch,
      'audiotestsrc name=source is-live=true wave=silence samplesperbuffer=240 ! ' +
        'audio/x-raw,format=S16LE,rate=48000,channels=2,channel-mask=(bitmask)0x3 ! ' +
        'channeltones ! audioconvert ! audioresample ! ' +
        'audio/x-raw,format=S16LE,rate=48000,channels=2,channel-mask=(bitmask)0x3 ! ' +
        'capssetter caps=audio/x-raw,channel-mask=(bitmask)0x3 ! ' +
        'opusenc name=encoder audio-type=restricted-lowdelay bitrate-type=cbr bitrate=96000 frame-size=5 ' +
        'bandwidth=fullband dtx=false inband-fec=false ! ' +
        'moonlightaudiopay name=pay packet-duration=5 ! ' +
        'moonlightsink name=sink port=0 dscp=0 max-bursts=8 pacing=none',
    );
    assert.equal(audio?.isOptional, true);
  });

  it('hands descriptors, key and key id over as properties', () => {
    const plan = { ...STREAM_PLAN, video: { ...STREAM_PLAN.video, encrypted: true } };
    const [video, audio] = buildGraphs({ ...REQUEST, plan });
    assert.deepEqual(video?.properties, [
      { element: 'pay', property: 'session-page-fd', value: 5 },
      { element: 'pay', property: 'key', value: KEY },
      { element: 'sink', property: 'fd', value: 3 },
    ]);
    assert.deepEqual(audio?.properties, [
      { element: 'pay', property: 'session-page-fd', value: 5 },
      { element: 'pay', property: 'key-id', value: 0xfffffffe },
      { element: 'pay', property: 'key', value: KEY },
      { element: 'sink', property: 'fd', value: 4 },
    ]);
  });

  it('gives no key to a stream that is not encrypted', () => {
    const [video] = buildGraphs(REQUEST);
    assert.ok(!JSON.stringify(video).includes(KEY));
  });

  it('leaves audio out on request', () => {
    assert.equal(buildGraphs({ ...REQUEST, audio: null }).length, 1);
  });

  it('never lets a secret or a source name into a launch string', () => {
    const pipewire = requireDescription('sources', catalog.sources, 'pipewire');
    const pulse = requireDescription('audio', catalog.audio, 'pulse');
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.stringMatching(/^[!"' a-z]{8,20}$/),
        (key, name) => {
          const riKey = Buffer.from(key);
          const video = { ...STREAM_PLAN.video, encrypted: true };
          const graphs = buildGraphs({
            ...REQUEST,
            plan: { ...STREAM_PLAN, riKey, video },
            videoSource: { description: pipewire, properties: { 'target-object': `target ${name}` } },
            audio: {
              source: { description: pulse, properties: { device: `device ${name}` } },
              encoder: encoder('opus'),
            },
          });
          for (const graph of graphs) {
            assert.ok(!graph.launch.includes(riKey.toString('hex')) && !graph.launch.includes(name));
            assert.ok(
              graph.properties.some(
                ({ element, value }) => element === 'source' && String(value).includes(name),
              ),
            );
          }
        },
      ),
    );
  });
});
