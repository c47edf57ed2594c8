import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  chooseEncoder,
  findOwnMissing,
  listRequirements,
  loadCatalog,
  requireDescription,
  requireUsable,
} from '../../../src/pipeline/catalog.js';
import { LumenError } from '../../../src/support/errors.js';

const SHIPPED = fileURLToPath(new URL('../../../../pipelines/', import.meta.url));

describe('catalog', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-catalog-'));
    fs.mkdirSync(path.join(folder, 'encoders'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  const addEncoder = (name: string, rank: number, requires: string) =>
    fs.writeFileSync(
      path.join(folder, 'encoders', `${name}.toml`),
      `codec="h264"\ntitle="${name}"\nrank=${rank}\nrequires=["${requires}"]\nconvert="a"\nencode="b name=encoder"\n`,
    );

  it('reads every shipped description', () => {
    const catalog = loadCatalog(SHIPPED, folder);
    assert.deepEqual([...catalog.encoders.keys()], ['openh264', 'opus', 'x264']);
    assert.deepEqual([...catalog.sources.keys()], ['pipewire', 'test', 'virtual', 'wlroots']);
    assert.deepEqual([...catalog.audio.keys()], ['pulse', 'test']);
  });

  it('lets a user file replace the shipped one of the same name', () => {
    addEncoder('x264', 5, 'mine');
    assert.equal(loadCatalog(SHIPPED, folder).encoders.get('x264')?.rank, 5);
  });

  it('takes a user folder that does not exist as empty', () => {
    assert.ok(loadCatalog(SHIPPED, path.join(folder, 'none')).encoders.has('x264'));
  });

  it('says which file is broken, and keeps the others', () => {
    fs.writeFileSync(path.join(folder, 'encoders', 'bad.toml'), 'codec = \n');
    const catalog = loadCatalog(SHIPPED, folder);
    assert.ok(catalog.encoders.has('x264'));
    assert.deepEqual(
      catalog.broken.map(({ kind, name, error, replacement }) => [
        kind,
        name,
        error.details['file'],
        replacement,
      ]),
      [['encoders', 'bad', path.join(folder, 'encoders/bad.toml:1'), undefined]],
    );
  });

  it('says that a broken file of the user is replaced by the shipped one of its name', () => {
    fs.writeFileSync(path.join(folder, 'encoders', 'x264.toml'), 'codec = \n');
    const catalog = loadCatalog(SHIPPED, folder);
    const shipped = path.join(SHIPPED, 'encoders/x264.toml');
    assert.equal(catalog.encoders.get('x264')?.file, shipped);
    assert.equal(catalog.broken[0]?.replacement, shipped);
  });

  it('says what is wrong with the broken file of a stage that is asked for', () => {
    fs.writeFileSync(path.join(folder, 'encoders', 'bad.toml'), 'codec = \n');
    assert.throws(
      () => chooseEncoder(loadCatalog(SHIPPED, folder), 'h264', [], 'bad'),
      (error) => error instanceof LumenError && error.message.includes('bad.toml:1'),
    );
  });

  it('chooses the usable encoder of the highest rank and says why', () => {
    const { encoder, reason } = chooseEncoder(loadCatalog(SHIPPED, folder), 'h264', []);
    assert.equal(encoder.name, 'x264');
    assert.equal(reason, 'x264enc (H.264 in software): the best of 2 usable stages; openh264enc also works');
  });

  it('says where a stage is the only usable one, and where it was asked for', () => {
    const catalog = loadCatalog(SHIPPED, folder);
    const only =
      'x264enc (H.264 in software): the only usable stage; openh264 is not usable: openh264enc not installed';
    assert.equal(chooseEncoder(catalog, 'h264', ['openh264enc']).reason, only);
    const asked = 'x264enc (H.264 in software): as configured';
    assert.equal(chooseEncoder(catalog, 'h264', [], 'x264').reason, asked);
  });

  it('says which codec a stage has that was asked for with another', () => {
    assert.throws(
      () => chooseEncoder(loadCatalog(SHIPPED, folder), 'h264', [], 'opus'),
      (error) =>
        error instanceof LumenError &&
        /it encodes opus, not h264/.test(error.message) &&
        /openh264, x264/.test(error.remedy),
    );
  });

  it('tells an element of its own that is not built from one that is not installed', () => {
    const catalog = loadCatalog(SHIPPED, folder);
    assert.equal(findOwnMissing(['x264enc']), undefined);
    const own = findOwnMissing(['moonlightsink', 'x264enc']);
    assert.equal(own?.code, 'LUMEN_NATIVE_MISSING');
    assert.match(own.message, /find moonlightsink$/);
    const pipewire = requireDescription('sources', catalog.sources, 'pipewire');
    requireUsable(pipewire, ['x264enc']);
    assert.throws(() => requireUsable(pipewire, ['pipewiresrc']), /pipewiresrc not installed/);
  });

  it('falls back to the next encoder and says what the better one lacks', () => {
    const { encoder, reason } = chooseEncoder(loadCatalog(SHIPPED, folder), 'h264', ['x264enc']);
    assert.equal(encoder.name, 'openh264');
    assert.match(reason, /x264 is not usable: x264enc not installed/);
  });

  it('prefers a user file of a higher rank', () => {
    addEncoder('mine', 900, 'superenc');
    assert.equal(chooseEncoder(loadCatalog(SHIPPED, folder), 'h264', []).encoder.name, 'mine');
  });

  it('fails with every reason where no encoder is usable', () => {
    const catalog = loadCatalog(SHIPPED, folder);
    const isMissing = (error: unknown) =>
      error instanceof LumenError &&
      error.code === 'LUMEN_ENCODER_MISSING' &&
      /openh264enc/.test(error.message);
    assert.throws(() => chooseEncoder(catalog, 'h264', ['x264enc', 'openh264enc']), isMissing);
    assert.throws(() => chooseEncoder(catalog, 'av1', []), /No usable encoder stage for av1/);
    assert.throws(
      () => chooseEncoder(catalog, 'h264', [], 'x265'),
      (error) => error instanceof LumenError && /"x264".*lumen pipelines list/.test(error.remedy),
    );
  });

  it('names the nearest description for one that does not exist', () => {
    const { sources } = loadCatalog(SHIPPED, folder);
    assert.equal(requireDescription('sources', sources, 'test').name, 'test');
    assert.throws(
      () => requireDescription('sources', sources, 'pipewier'),
      (error) => error instanceof LumenError && error.remedy.includes('"pipewire"'),
    );
  });

  it('lists each requirement once', () => {
    const names = listRequirements(loadCatalog(SHIPPED, folder));
    assert.ok(names.includes('x264enc.vbv-buf-capacity') && names.includes('framecounter'));
    assert.ok(names.includes('moonlightsink') && names.includes('framesampler'));
    assert.equal(new Set(names).size, names.length);
  });
});
