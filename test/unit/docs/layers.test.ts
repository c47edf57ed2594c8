/**
 * The shape of the sources: imports point down the list of layers in docs/architecture.md, siblings do not know each
 * other, and what only one place may touch is touched there alone.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHECKOUT } from '../../support/reference-pages.js';

/**
 * From the top down. A folder may import from lines below its own, never from a neighbour on its line. Two files are the
 * language that neighbours speak with each other, types and constants without effects: they stand lower than their folders.
 */
const LAYERS: readonly (readonly string[])[] = [
  ['cli.ts'],
  ['commands'],
  ['host', 'probe', 'doctor'],
  ['admin', 'discovery', 'nvhttp', 'rtsp', 'control', 'endpoints'],
  ['session'],
  ['pipeline', 'media', 'capture', 'input', 'apps'],
  ['identity', 'config', 'session/stream-plan.ts', 'media/messages.ts'],
  ['support'],
];

/** Where the sources are. */
const SOURCE = fileURLToPath(new URL('src/', CHECKOUT));

interface Module {
  /** Path under src/, with forward slashes. */
  readonly file: string;
  readonly text: string;
  /** Paths under src/ of what it imports from this project, and names of what it imports from elsewhere. */
  readonly imports: readonly string[];
}

const readModule = (file: string): Module => {
  const text = fs.readFileSync(path.join(SOURCE, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
  const imports = specifiers.map((name) =>
    name.startsWith('.') ? path.posix.join(path.posix.dirname(file), name).replace(/\.js$/, '.ts') : name,
  );
  return { file, text, imports };
};

const modules: readonly Module[] = fs
  .readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
  .map(readModule);

/** A file's own entry in the table wins over its folder's. */
const rankOf = (file: string): number => {
  const own = LAYERS.findIndex((names) => names.includes(file));
  return own >= 0 ? own : LAYERS.findIndex((names) => names.includes(file.split('/')[0] ?? ''));
};

/** Two files that may know each other however the layers lie: those of one folder. */
const isSameFolder = (a: string, b: string): boolean =>
  a.includes('/') && a.split('/')[0] === b.split('/')[0];

const isLocal = (name: string): boolean => name.endsWith('.ts');

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

const users = (pattern: RegExp): string[] =>
  modules.filter(({ text }) => pattern.test(withoutComments(text))).map(({ file }) => file);

const importers = (name: string): string[] =>
  modules.filter(({ imports }) => imports.includes(name)).map(({ file }) => file);

describe('the layers of src/', () => {
  it('know every file', () => {
    assert.ok(modules.length > 0);
    const strangers = modules.map(({ file }) => file).filter((file) => rankOf(file) < 0);
    assert.deepEqual(strangers, []);
  });

  it('are crossed downwards only', () => {
    const crossings = modules.flatMap(({ file, imports }) =>
      imports
        .filter((target) => isLocal(target) && !isSameFolder(file, target) && rankOf(target) <= rankOf(file))
        .map((target) => `${file} imports ${target}`),
    );
    assert.deepEqual(crossings, []);
  });

  it('reach outside the project only through packages and node: names', () => {
    const bare = modules.flatMap(({ file, imports }) =>
      imports
        .filter((name) => !isLocal(name) && /^(fs|path|net|os|crypto|dgram|url)$/.test(name))
        .map(() => file),
    );
    assert.deepEqual(bare, []);
  });
});

describe('one door each', () => {
  it('GStreamer bindings are loaded in media/process alone', () => {
    const outside = importers('node-gtk').filter((file) => !file.startsWith('media/process/'));
    assert.deepEqual(outside, []);
  });

  it('nothing but media/process imports media/process', () => {
    const outside = modules
      .filter(
        ({ file, imports }) =>
          !file.startsWith('media/process/') && imports.some((name) => name.startsWith('media/process/')),
      )
      .map(({ file }) => file);
    assert.deepEqual(outside, []);
  });

  it('each addon is loaded by one binding', () => {
    const loads = modules.flatMap(({ file, text }) =>
      [...text.matchAll(/loadNative\('(\w+)'\)/g)].map((match) => ({ addon: match[1], file })),
    );
    assert.equal(new Set(loads.map(({ addon }) => addon)).size, loads.length, JSON.stringify(loads));
    const direct = users(/\.node['`]/).filter((file) => file !== 'support/native.ts');
    assert.deepEqual(direct, []);
  });

  it('the environment is read where the configuration is made, and where addons are found', () => {
    // Handing it on whole to a child process is not reading it.
    const withoutHandingOn = (text: string): string =>
      text.replace(/\benvironment: process\.env\b|\bmediaEnvironment\(process\.env\)/g, '');
    const outside = modules
      .filter(({ text }) => /process\.env\b/.test(withoutHandingOn(withoutComments(text))))
      .map(({ file }) => file)
      .filter((file) => !file.startsWith('config/') && file !== 'cli.ts' && file !== 'support/native.ts');
    assert.deepEqual(outside, []);
  });

  it('arguments are read by the entry points of the two processes', () => {
    const outside = users(/process\.argv\[|process\.argv\.|\(process\.argv\)/).filter(
      (file) => file !== 'cli.ts' && file !== 'media/process/main.ts',
    );
    assert.deepEqual(outside, []);
  });

  it('no file exports by default', () => {
    assert.deepEqual(users(/^export default /m), []);
  });

  it('no file has more than 400 lines of code', () => {
    const codeLines = (text: string): number =>
      withoutComments(text)
        .split('\n')
        .filter((line) => line.trim() !== '').length;
    const long = modules.filter(({ text }) => codeLines(text) > 400).map(({ file }) => file);
    assert.deepEqual(long, []);
  });
});
