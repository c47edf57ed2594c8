import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadCatalog } from '../../../src/pipeline/catalog.js';
import { chooseEncoder, requireStages } from '../../../src/pipeline/encoder-choice.js';
import { LumenError } from '../../../src/support/errors.js';

/** What is installed on a machine with software encoders alone. */
const stage = (codec: string, element: string, rank: number) =>
  `codec="${codec}"\ntitle="${element} stage"\nrank=${rank}\nrequires=["${element}"]\n` +
  `formats={"8-bit 4:2:0"="I420"}\nconvert="a"\nencode="b name=encoder"\n`;

const fault = (problem: string) => ({ file: '/p/mine.toml:7', problem });

describe('choice of an encoder', () => {
  let root: string;
  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-choice-'));
    add('shipped', 'x264', stage('h264', 'x264enc', 100));
    add('shipped', 'openh264', stage('h264', 'openh264enc', 50));
    add('shipped', 'x265', stage('hevc', 'x265enc', 100));
  });
  afterEach(() => fs.rmSync(root, { recursive: true }));

  const add = (folder: 'shipped' | 'user', name: string, text: string): void => {
    fs.mkdirSync(path.join(root, folder, 'encoders'), { recursive: true });
    fs.writeFileSync(path.join(root, folder, 'encoders', `${name}.toml`), text);
  };
  const load = () => loadCatalog(path.join(root, 'shipped'), path.join(root, 'user'));
  const rejects = (search: Parameters<typeof chooseEncoder>[1], message: RegExp) =>
    assert.rejects(
      chooseEncoder(load(), search),
      (error) =>
        error instanceof LumenError && error.code === 'LUMEN_ENCODER_MISSING' && message.test(error.message),
    );

  it('takes the installed stage of the highest rank and says why', async () => {
    const { encoder, reason } = await chooseEncoder(load(), { codec: 'h264', missing: [] });
    assert.equal(encoder.name, 'x264');
    assert.equal(reason, 'x264enc (x264enc stage): the best of 2 installed stages; openh264enc is there too');
    add('user', 'mine', stage('h264', 'superenc', 900));
    assert.equal((await chooseEncoder(load(), { codec: 'h264', missing: [] })).encoder.name, 'mine');
  });

  it('says where a stage is the only one, and where it was asked for', async () => {
    const only = await chooseEncoder(load(), { codec: 'h264', missing: ['openh264enc'] });
    assert.equal(only.reason, 'x264enc (x264enc stage): the only installed stage');
    const asked = await chooseEncoder(load(), { codec: 'h264', missing: [], wanted: ['openh264', 'x265'] });
    assert.equal(asked.reason, 'openh264enc (openh264enc stage): as configured');
  });

  it('takes the best of a codec for which none was asked', async () => {
    const { encoder } = await chooseEncoder(load(), { codec: 'h264', missing: [], wanted: ['x265'] });
    assert.equal(encoder.name, 'x264');
  });

  it('goes on to the next where one is judged unusable, and says so', async () => {
    const judge = async ({ name }: { name: string }) => (name === 'x264' ? fault('it hangs') : undefined);
    const { encoder, reason } = await chooseEncoder(load(), { codec: 'h264', missing: [], judge });
    assert.equal(encoder.name, 'openh264');
    assert.match(reason, /x264 is not usable: it hangs/);
  });

  it('goes back to the shipped stage where the one in its place is judged unusable', async () => {
    add('user', 'x264', stage('h264', 'x264enc', 1));
    const judge = async ({ file }: { file: string }) =>
      file.includes('user') ? fault('it crashes') : undefined;
    for (const wanted of [[], ['x264']]) {
      const missing = ['openh264enc'];
      const { encoder, reason } = await chooseEncoder(load(), { codec: 'h264', missing, wanted, judge });
      assert.equal(encoder.file, path.join(root, 'shipped/encoders/x264.toml'));
      assert.doesNotMatch(reason, /x264 is not usable/);
      assert.ok(reason.endsWith(`; ${fault('it crashes').file} is not used: it crashes`), reason);
    }
  });

  it('fails with every reason where no stage is usable', async () => {
    await rejects(
      { codec: 'h264', missing: ['x264enc', 'openh264enc'] },
      /not installed: x264enc, openh264enc/,
    );
    await rejects({ codec: 'av1', missing: [] }, /No usable encoder stage for av1: no description/);
    const judge = async () => fault('it hangs');
    await rejects({ codec: 'hevc', missing: [], judge }, /x265 is not usable: it hangs/);
    await assert.rejects(
      chooseEncoder(load(), { codec: 'hevc', missing: [], wanted: ['x265'], judge }),
      (error) => error instanceof LumenError && /mine\.toml:7 cannot be used: it hangs/.test(error.message),
    );
    await rejects({ codec: 'hevc', missing: ['x265enc'], wanted: ['x265'] }, /not installed: x265enc/);
  });

  it('refuses names that no stage has, a broken file and two stages of one codec', () => {
    const failureOf = (...names: string[]): LumenError => {
      try {
        requireStages(load(), names);
      } catch (error) {
        assert.ok(error instanceof LumenError);
        return error;
      }
      throw new assert.AssertionError({ message: 'the names were accepted' });
    };
    assert.match(failureOf('x266').remedy, /"x26[45]".*lumen pipelines list/);
    add('user', 'bad', 'codec = \n');
    assert.match(failureOf('bad').message, /bad\.toml:1/);
    assert.match(failureOf('x264', 'openh264').message, /two stages of h264/);
    requireStages(load(), ['x264', 'x265']);
  });
});
