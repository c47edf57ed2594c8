import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadCatalog } from '../../../src/pipeline/catalog.js';
import { parseDescription } from '../../../src/pipeline/description.js';
import { findValueProblem, parseElementTables, readInspection } from '../../../src/pipeline/element-table.js';
import { readElements } from '../../../src/pipeline/launch-text.js';
import { findStageProblems } from '../../../src/pipeline/stage-problems.js';
import { toVideoValues } from '../../../src/pipeline/template.js';
import { VIDEO_PLAN } from '../../support/plans.js';

const SHIPPED = fileURLToPath(new URL('../../../../pipelines/', import.meta.url));
const TABLES = parseElementTables(fs.readFileSync(path.join(SHIPPED, 'elements.toml'), 'utf8'));
const ELEMENTS = [...new Set(TABLES.map(({ name }) => name))];
/** As a machine that has nothing installed: of what no table is there, anything is taken. */
const KNOWLEDGE = {
  tablesOf: (name: string) => TABLES.filter((table) => table.name === name),
  names: ELEMENTS,
};

describe('launch text', () => {
  it('reads elements with their properties, past caps, pads and links', () => {
    const text = `videoscale ! video/x-raw(memory:CUDAMemory),format=NV12, width=64
      ! tee name=t t. ! queue max-size-buffers=2 ! fakesink t. ! x265enc name = "encoder" option-string="a=1:b=2" ! h265parse`;
    const uses = readElements(text);
    assert.deepEqual(
      uses.map(({ element }) => element),
      ['videoscale', 'tee', 'queue', 'fakesink', 'x265enc', 'h265parse'],
    );
    const [encoder] = uses.filter(({ element }) => element === 'x265enc');
    assert.deepEqual(
      encoder?.properties.map(({ name, value }) => [name, value]),
      [
        ['name', 'encoder'],
        ['option-string', 'a=1:b=2'],
      ],
    );
    assert.equal(text.slice(encoder?.properties[1]?.offset).startsWith('option-string'), true);
  });
});

describe('element tables', () => {
  it('reads what gst-inspect-1.0 prints', () => {
    const { properties } = readInspection(
      'x',
      `Element Properties:
  bitrate             : Bitrate in kbit/sec
                        flags: readable, writable
                        Unsigned Integer. Range: 1 - 2048000 Default: 2048
  aud                 : Use AU delimiter
                        Boolean. Default: true
  tune                : Preset name
                        Enum "Tune" Default: 2, "ssim"
                           (0): No tunning       - No tunning
                           (4): zerolatency      - zerolatency
  caps                : Caps
                        Caps. ANY
`,
    );
    assert.deepEqual(properties.get('bitrate')?.takes, { kind: 'range', min: 1, max: 2_048_000 });
    assert.deepEqual(properties.get('aud')?.takes, { kind: 'boolean' });
    assert.deepEqual(properties.get('tune')?.takes, { kind: 'words', words: ['No tunning', 'zerolatency'] });
    assert.deepEqual(properties.get('caps')?.takes, { kind: 'any' });
  });

  it('knows the values that a property takes', () => {
    const range = { kind: 'range', min: 0, max: 16 } as const;
    assert.equal(findValueProblem(range, '16'), undefined);
    assert.match(findValueProblem(range, '17') ?? '', /out of its range, 0 to 16/);
    assert.match(findValueProblem(range, 'many') ?? '', /no number/);
    const words = { kind: 'words', words: ['cbr', 'vbr'] } as const;
    assert.equal(findValueProblem(words, 'cbr'), undefined);
    assert.match(findValueProblem(words, 'crb') ?? '', /no "crb"; the nearest is "[cv]br"/);
    assert.match(findValueProblem({ kind: 'boolean' }, 'maybe') ?? '', /neither true nor false/);
  });
});

describe('stages for hardware that is elsewhere', () => {
  const { encoders } = loadCatalog(SHIPPED, '/nonexistent');
  const ofHardware = [...encoders.values()].filter(({ requires }) => ELEMENTS.includes(requires[0] ?? ''));

  /** Those of elements that no table knows are not this test's. */
  const problemsOf = (text: string, name = 'nvh264') =>
    findStageProblems(
      parseDescription('encoders', `/p/encoders/${name}.toml`, text),
      text,
      KNOWLEDGE,
      toVideoValues(VIDEO_PLAN, { firstFrameNumber: 0, encoder: { formats: { '8-bit 4:2:0': 'NV12' } } }),
    ).filter(
      ({ problem }) => !/^there is no element "(h26[45]parse|av1parse|videoconvertscale)"/.test(problem),
    );
  const textOf = (name: string): string =>
    fs.readFileSync(path.join(SHIPPED, 'encoders', `${name}.toml`), 'utf8');

  /** In the fragments, not in the comments. */
  const change = (text: string, from: string, to: string): string =>
    text
      .split('\n')
      .map((line) => (line.startsWith('#') ? line : line.replace(from, to)))
      .join('\n');

  it('are there for three generations of NVENC, VA-API with low power, Quick Sync and Vulkan', () => {
    const elements = new Set(ofHardware.map(({ requires }) => requires[0]));
    for (const name of [
      'nvh264enc',
      'nvh265enc',
      'nvav1enc',
      'nvcudah264enc',
      'nvcudah265enc',
      'vulkanh264enc',
    ])
      assert.ok(elements.has(name), name);
    for (const codec of ['h264', 'h265', 'av1'])
      for (const name of [`va${codec}enc`, `va${codec}lpenc`, `qsv${codec}enc`])
        assert.ok(elements.has(name), name);
  });

  it('set only what the tables of their elements have', () => {
    for (const { name } of ofHardware) assert.deepEqual(problemsOf(textOf(name), name), [], name);
  });

  it('name the line, the nearest property, word and element, and the range', () => {
    const lineOf = (text: string, part: string): number =>
      text.split('\n').findIndex((line) => line.includes(part) && !/^(#|requires)/.test(line)) + 1;
    for (const [from, to, expected] of [
      ['bframes=0', 'bframs=0', /no property "bframs".*1\.26; the nearest is "bframes"/],
      ['tune=ultra-low-latency', 'tune=ultra-low-latancy', /tune: .*nearest is "ultra-low-latency"/],
      ['rc-lookahead=0', 'rc-lookahead=99', /rc-lookahead: 99 is out of its range, 0 to 32/],
      ['aud=false', 'aud=off', /aud: "off" is neither true nor false/],
      ['cudaupload !', 'cudauplaod !', /no element "cudauplaod"; the nearest is "cudaupload"/],
      ['bframes=0', 'bframes=0 num-slices=2', /"num-slices" is in "nvh264enc" from GStreamer 1\.28 on only/],
    ] as const) {
      const text = change(textOf('nvh264'), from, to);
      const [found, ...others] = problemsOf(text);
      assert.match(found?.problem ?? '', expected);
      assert.equal(found?.line, lineOf(text, to));
      assert.deepEqual(others, []);
    }
  });

  it('of the old NVENC are held against the old elements and the new ones of their name', () => {
    const text = textOf('nvh264-old').replace('preset=low-latency-hq', 'preset=p1');
    assert.match(problemsOf(text)[0]?.problem ?? '', /preset: there is no "p1"/);
  });
});
