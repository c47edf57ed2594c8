import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
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
      `codec="h264"\ntitle="${name}"\nrank=${rank}\nrequires=["${requires}"]\nformats={"8-bit 4:2:0"="I420"}\nconvert="a"\nencode="b name=encoder"\n`,
    );

  it('reads every shipped description', () => {
    const catalog = loadCatalog(SHIPPED, folder);
    assert.deepEqual(catalog.broken, []);
    for (const name of ['av1', 'nvh264', 'openh264', 'opus', 'vah265lp', 'x264', 'x265'])
      assert.ok(catalog.encoders.has(name), name);
    assert.deepEqual([...catalog.sources.keys()], ['pipewire', 'test', 'virtual', 'wlroots']);
    assert.deepEqual([...catalog.audio.keys()], ['pulse', 'test']);
  });

  it('lets a user file replace the shipped one of the same name', () => {
    addEncoder('x264', 5, 'mine');
    const { encoders, shadowed } = loadCatalog(SHIPPED, folder);
    assert.equal(encoders.get('x264')?.rank, 5);
    assert.equal(shadowed.get('x264')?.rank, 100);
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
