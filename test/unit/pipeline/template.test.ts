// biome-ignore-all lint/suspicious/noTemplateCurlyInString: "${name}" is the syntax of the templates, not of JavaScript
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  fillTemplate,
  findTemplateProblem,
  PLACEHOLDERS,
  toAudioValues,
  toVideoValues,
} from '../../../src/pipeline/template.js';
import type { VideoPlan } from '../../../src/session/stream-plan.js';
import { AUDIO_PLAN, VIDEO_PLAN } from '../../support/plans.js';

const MORE = { firstFrameNumber: 7 };
const values = (change: Partial<VideoPlan>) => toVideoValues({ ...VIDEO_PLAN, ...change }, MORE);

describe('template', () => {
  it('puts numbers in and folds white space', () => {
    const filled = fillTemplate('a=${width}\n  b=${fps}\n', values({ width: 1280, fps: 60 }));
    assert.deepEqual(filled, { ok: true, launch: 'a=1280 b=60' });
  });

  it('names the nearest placeholder and the place of an unknown one', () => {
    const problem = findTemplateProblem('bitrate=${encoder_kpbs}');
    assert.equal(problem?.offset, 8);
    assert.match(problem?.reason ?? '', /encoder_kpbs.*nearest is \$\{encoder_kbps\}/);
  });

  it('refuses a dollar sign that begins no placeholder', () => {
    assert.match(findTemplateProblem('a=$width')?.reason ?? '', /must begin a placeholder/);
    assert.match(findTemplateProblem('a=${width')?.reason ?? '', /has no "}"/);
  });

  it('refuses names that only a prototype has', () => {
    assert.match(findTemplateProblem('${constructor}')?.reason ?? '', /unknown placeholder/);
  });

  it('refuses a placeholder that this kind of graph has no value for', () => {
    const filled = fillTemplate('rate=${audio_bps}', values({}));
    assert.ok(!filled.ok && /audio_bps.*no value/.test(filled.reason));
  });

  it('sizes the rate buffer to one frame', () => {
    const { vbv_kbits, vbv_ms } = values({ encoderKbps: 20_000, fps: 60 });
    assert.deepEqual({ vbv_kbits, vbv_ms }, { vbv_kbits: 333, vbv_ms: 17 });
  });

  it('makes at least as many AV1 tiles as slices were asked for', () => {
    const tilesOf = (slices: number) => {
      const { tile_columns_log2, tile_rows_log2 } = values({ slices });
      return [2 ** Number(tile_columns_log2), 2 ** Number(tile_rows_log2)];
    };
    assert.deepEqual([1, 2, 4, 8].map(tilesOf), [
      [1, 1],
      [1, 2],
      [2, 2],
      [2, 4],
    ]);
    for (let slices = 1; slices <= 8; slices += 1) {
      const [columns = 0, rows = 0] = tilesOf(slices);
      assert.ok(columns * rows >= slices, `${slices} slices: ${columns} x ${rows}`);
    }
  });

  it('uses one reference where the client leaves it to the host', () => {
    assert.equal(values({ references: 0 }).refs, 1);
    assert.equal(values({ references: 4 }).refs, 4);
  });

  it('writes each colour space with its range', () => {
    assert.equal(values({ colorSpace: 'bt601', fullRange: false }).colorimetry, '2:4:16:4');
    assert.equal(values({ colorSpace: 'bt709', fullRange: true }).colorimetry, '1:3:5:1');
    assert.equal(values({ colorSpace: 'bt2020', bitDepth: 10 }).color_transfer, 14);
    const { colorimetry, color_primaries, color_transfer, color_matrix } = values({
      colorSpace: 'bt2100-pq',
      bitDepth: 10,
    });
    assert.deepEqual([colorimetry, color_primaries, color_transfer, color_matrix], ['2:6:14:7', 9, 16, 9]);
  });

  it('codes 8-bit BT.2020 as BT.709', () => {
    assert.equal(values({ colorSpace: 'bt2020', bitDepth: 8 }).colorimetry, '2:3:5:1');
  });

  it('gives 7.1 the speaker mask by the numbers of GStreamer', () => {
    assert.equal(toAudioValues({ ...AUDIO_PLAN, channels: 8 }).channel_mask, '0xc3f');
  });

  it('tells the Opus encoder no positions of surround sound', () => {
    const masks = ([2, 6, 8] as const).map(
      (channels) => toAudioValues({ ...AUDIO_PLAN, channels }).opus_mask,
    );
    assert.deepEqual(masks, ['0x3', '0x0', '0x0']);
  });

  it('names the raw format of the stage for the bit depth and the chroma of the plan', () => {
    const encoder = { formats: { '8-bit 4:2:0': 'I420', '10-bit 4:4:4': 'Y444_10LE' } } as const;
    const formatOf = (change: Partial<VideoPlan>) =>
      toVideoValues({ ...VIDEO_PLAN, ...change }, { ...MORE, encoder }).format;
    assert.equal(formatOf({}), 'I420');
    assert.equal(formatOf({ bitDepth: 10, chroma: '444' }), 'Y444_10LE');
    assert.equal(formatOf({ bitDepth: 10 }), undefined);
  });

  it('asks a stage for no more than its element takes', () => {
    const plan = { ...VIDEO_PLAN, encoderKbps: 200_000, fps: 100 };
    const limited = toVideoValues(plan, { ...MORE, encoder: { max_kbps: 100_000 } });
    assert.deepEqual(
      [limited.encoder_kbps, limited.encoder_bps, limited.vbv_kbits],
      [100_000, 100_000_000, 1000],
    );
  });

  it('has a value for every placeholder in one kind of graph or the other', () => {
    const encoder = { formats: { '8-bit 4:2:0': 'NV12' } } as const;
    const ofStage = toVideoValues(VIDEO_PLAN, { ...MORE, encoder });
    const known = { ...ofStage, ...toAudioValues(AUDIO_PLAN) };
    assert.equal(ofStage.format, 'NV12');
    assert.deepEqual(Object.keys(known).sort(), Object.keys(PLACEHOLDERS).sort());
  });

  it('leaves no placeholder behind and changes nothing else, whatever the text', () => {
    const names = Object.keys(values({}));
    const piece = fc.oneof(
      fc.stringMatching(/^[a-z0-9=!. -]*$/),
      fc.constantFrom(...names.map((name) => `\${${name}}`)),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const filled = fillTemplate(pieces.join(''), values({}));
        assert.ok(filled.ok && !filled.launch.includes('$'));
      }),
    );
  });

  it('answers any text with a launch string or a reason', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const filled = fillTemplate(text, values({}));
        assert.ok(filled.ok || filled.offset < text.length);
      }),
    );
  });
});
