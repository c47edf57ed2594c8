/** `lumen pipelines` as a person meets it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const LUMEN = fileURLToPath(new URL('../../../bin/lumen.js', import.meta.url));
const SHIPPED = fileURLToPath(new URL('../../../pipelines/', import.meta.url));

describe('lumen pipelines', function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-pipelines-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  const lumen = (...words: string[]) => lumenWith({}, ...words);
  const lumenWith = (env: Readonly<Record<string, string>>, ...words: string[]) =>
    spawnSync(process.execPath, [LUMEN, 'pipelines', ...words], {
      env: { ...process.env, XDG_CONFIG_HOME: folder, ...env },
      encoding: 'utf8',
      timeout: 30_000,
    });
  /** Copies a shipped file into the user's folder, changed. */
  const addFile = (name: string, from: string, change: (text: string) => string): void => {
    const file = path.join(folder, 'lumen', 'pipelines', name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, change(fs.readFileSync(path.join(SHIPPED, from), 'utf8')));
  };

  it('lists what is usable and says what the rest lacks', () => {
    addFile('encoders/mine.toml', 'encoders/x264.toml', (text) => text.replace('"x264enc",', '"nosuchenc",'));
    const { stdout, status } = lumen('list');
    assert.equal(status, 0);
    assert.match(stdout, /x264 .*rank 100: usable/);
    assert.match(stdout, /mine .*not usable: nosuchenc not installed/);
  });

  it('lists the others beside a broken file, with its line and remedy', () => {
    addFile('encoders/x264.toml', 'encoders/x264.toml', (text) => text.replace('rank ', 'rnk '));
    addFile('encoders/mine.toml', 'encoders/x264.toml', (text) => text.replace('name=encoder', ''));
    const { stdout, status } = lumen('list');
    assert.equal(status, 0);
    assert.match(stdout, /openh264 .*rank 50: usable/);
    assert.match(stdout, /x264 +H\.264 in software, rank 100: usable/);
    assert.match(
      stdout,
      /x264 +broken: \S+x264\.toml:\d+ unknown key "rnk"; the shipped one is used\n +Try: .*"rank"/,
    );
    assert.match(stdout, /mine +broken: \S+mine\.toml:\d+ no element.*\n +Try: .*name=encoder/);
  });

  it('says that the shipped stage takes the place of one that does not work', () => {
    addFile('encoders/openh264.toml', 'encoders/openh264.toml', (text) =>
      text.replace('"openh264enc"', '"nosuchenc"'),
    );
    const line = /openh264 .*not usable: nosuchenc not installed; the shipped one takes its place/;
    assert.match(lumen('list').stdout, line);
  });

  it('marks every stage where the elements of Lumen are not built', () => {
    const { stdout } = lumenWith({ LUMEN_PLUGIN_DIR: '/nonexistent' }, 'list');
    assert.doesNotMatch(stdout, /: usable/);
    assert.match(stdout, /libgstmoonlight\.so is not built.*moonlightsink/);
    assert.match(stdout, /Try: run: npm run setup/);
  });

  it('says how to build the addons where they are missing', () => {
    for (const verb of ['list', 'check']) {
      const { stderr, status } = lumenWith({ LUMEN_NATIVE_DIR: '/nonexistent' }, verb);
      assert.equal(status, 5);
      assert.match(stderr, /native part sockets is not built[\s\S]*Try: run: npm run setup/);
    }
  });

  it('ends quietly when its reader has seen enough', () => {
    const command = `'${process.execPath}' '${LUMEN}' pipelines list | true; exit "\${PIPESTATUS[0]}"`;
    const { stderr, status } = spawnSync('bash', ['-c', command], { encoding: 'utf8', timeout: 30_000 });
    assert.equal(stderr, '');
    assert.equal(status, 0);
  });

  it('finds every shipped file in order', () => {
    const { stdout, status } = lumen('check');
    assert.equal(status, 0, stdout);
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .filter((line) => !/: ok$|: not usable here: \S+ not installed; .* nothing against it$/.test(line)),
      [],
    );
    assert.match(stdout, /x265\.toml: ok/);
  });

  it('finds a value out of range, a property that does not exist and an unknown placeholder', () => {
    addFile('encoders/range.toml', 'encoders/x264.toml', (text) => text.replace(/ref=\S+/, 'ref=99'));
    addFile('encoders/property.toml', 'encoders/x264.toml', (text) => text.replace('bframes=0', 'bframs=0'));
    addFile('sources/word.toml', 'sources/test.toml', (text) => text.replace('width}', 'widht}'));
    const { stdout, status } = lumen('check');
    assert.equal(status, 6);
    assert.match(stdout, /range\.toml:\d+: ref: 99 is out of its range, 1 to 16\n +Try: /);
    assert.match(stdout, /property\.toml:\d+: no property "bframs".*nearest is "bframes"\n +Try: /);
    for (const line of stdout.split('\n'))
      assert.ok(line.split('.toml').length <= 2, `a path twice: ${line}`);
    assert.match(stdout, /word\.toml:\d+.*nearest is \$\{width\}/);
    assert.match(stdout, /encoders\/x264\.toml: ok/);
  });

  it('checks the files that it is given alone, each mistake with its line', () => {
    addFile('encoders/words.toml', 'encoders/x264.toml', (text) =>
      text.replace('speed-preset=ultrafast', 'speed-preset=ultrafats').replace('bframes=0', 'bframes=17'),
    );
    addFile('encoders/element.toml', 'encoders/x264.toml', (text) => text.replace('\nx264enc', '\nx246enc'));
    addFile('encoders/syntax.toml', 'encoders/x264.toml', (text) =>
      text.replace('insert-vui=true\n!', '! !'),
    );
    addFile('encoders/name.toml', 'encoders/x264.toml', (text) => text.replace('name=encoder', ''));
    const files = ['words', 'element', 'syntax', 'name'].map((name) =>
      path.join(folder, 'lumen/pipelines/encoders', `${name}.toml`),
    );
    const { stdout, status } = lumen('check', ...files);
    assert.equal(status, 6);
    assert.match(
      stdout,
      /words\.toml:\d+: speed-preset: there is no "ultrafats"; the nearest is "ultrafast"/,
    );
    assert.match(stdout, /words\.toml:\d+: bframes: 17 is out of its range, 0 to 16/);
    assert.match(stdout, /element\.toml:\d+: there is no element "x246enc"; the nearest is "x264enc"/);
    assert.match(stdout, /syntax\.toml: .*syntax/);
    assert.match(stdout, /name\.toml:\d+: no element in encode has the name "encoder"/);
    assert.doesNotMatch(stdout, /: ok/);
    const good = lumen('check', path.join(SHIPPED, 'encoders/x264.toml'));
    assert.deepEqual([good.status, good.stdout.trim().endsWith('x264.toml: ok')], [0, true]);
  });

  it('measures what a stage does here', () => {
    const { stdout, status, stderr } = lumen('bench', 'x264', '--mode', '320x180@30', '--bitrate', '1000');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /frames a second +\d+\.\d/);
    assert.match(stdout, /latency +p50 \d+\.\d ms, p99 \d+\.\d ms/);
    assert.match(lumen('bench', 'vah264').stderr, /vah264enc not installed/);
    assert.equal(lumen('bench', 'test').status, 2);
  });

  for (const name of ['x264', 'x265'])
    it(`shows a command of ${name} that runs as pasted`, () => showsWhatRuns(name));

  const showsWhatRuns = (name: string): void => {
    const { stdout, status } = lumen('show', name, '--mode', '320x180@30', '--client', '127.0.0.1:9');
    assert.equal(status, 0);
    // It never ends by itself: after some seconds, which a busy machine needs, an interrupt with -e makes it end in order.
    const script = `timeout -s INT 4 env ${stdout.replace('gst-launch-1.0', 'gst-launch-1.0 -e')}`;
    const run = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8', timeout: 20_000 });
    assert.match(run.stdout, /Setting pipeline to PLAYING/);
    assert.doesNotMatch(run.stdout + run.stderr, /ERROR|WARNING/);
  };

  it('says on standard error that a command does not run here', () => {
    addFile('encoders/mine.toml', 'encoders/x264.toml', (text) => text.replace('"x264enc",', '"nosuchenc",'));
    const { stdout, stderr, status } = lumen('show', 'mine');
    assert.equal(status, 0);
    assert.match(stdout, /gst-launch-1\.0/);
    assert.match(stderr, /does not run here: nosuchenc not installed/);
    assert.equal(lumen('show', 'x264').stderr, '');
  });

  it('sends sound two ports above the picture, as hosts do', () => {
    assert.match(lumen('show', 'opus', '--client', '127.0.0.1:5000').stdout, /port=5002/);
    assert.equal(lumen('show', 'opus', '--client', '127.0.0.1:65534').status, 2);
  });

  it('names the nearest description for one that does not exist', () => {
    const { stderr, status } = lumen('show', 'x266');
    assert.equal(status, 6);
    assert.match(stderr, /nearest is "x26[45]"/);
  });
});
