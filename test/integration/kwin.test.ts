/**
 * A real KWin without a screen: what it grants to whom, and how far a stream comes. KWin 5.27 without a graphics card makes
 * no virtual screen ("Could not find output"), and sends no picture of the screen it has: its node is there, a format is
 * agreed, and nothing is drawn. What is shown here is everything up to that.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { listVideoNodes } from '../../src/capture/pipewire.js';
import { helperProgram } from '../../src/support/native.js';
import { pair, probe } from '../support/client.js';
import { type Kwin, startKwin } from '../support/kwin.js';
import { type PipeWire, startPipeWire } from '../support/pipewire.js';
import { CHECKOUT } from '../support/reference-pages.js';
import { Serve, TestHome, until } from '../support/serve.js';

const mode = { width: 1024, height: 576, fps: 60 };
describe('lumen serve in a KWin session', function () {
  this.timeout(90_000);
  let pipewire: PipeWire;
  let kwin: Kwin;
  let folder: string;

  /** Asks as the host does. @returns exit status and what was said */
  const ask = async (...args: string[]): Promise<{ status: number | null; words: string }> => {
    const child = spawn(helperProgram('lumen-kwin-output'), args, {
      env: { ...pipewire.environment, ...kwin.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let words = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        words += chunk;
      });
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, words };
  };

  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-kwin-test-'));
    pipewire = await startPipeWire();
  });
  afterEach(async () => {
    await kwin.stop();
  });
  after(async () => {
    await pipewire.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it('grants screens to the program that the installed desktop entry names, and to no other', async () => {
    const template = fs.readFileSync(new URL('packaging/lumen-kwin-output.desktop.in', CHECKOUT), 'utf8');
    fs.mkdirSync(path.join(folder, 'applications'));
    const entry = path.join(folder, 'applications', 'lumen-kwin-output.desktop');
    kwin = await startKwin(pipewire, { ...mode, dataHome: folder });
    const stranger = await ask('list');
    assert.equal(stranger.status, 4, stranger.words);
    assert.match(stranger.words, /does not offer zkde_screencast_unstable_v1 to this program/);
    await kwin.stop();
    fs.writeFileSync(
      entry,
      template.replace('@COMMAND@', fs.realpathSync(helperProgram('lumen-kwin-output'))),
    );
    kwin = await startKwin(pipewire, { ...mode, dataHome: folder });
    const known = await ask('list');
    assert.deepEqual(known, { status: 0, words: 'Virtual-0\n' });
  });

  it('asks for a screen of the client’s size, else shows the one that is there, and leaves nothing behind', async () => {
    kwin = await startKwin(pipewire, { width: 1280, height: 720 });
    const runtime = pipewire.environment['PIPEWIRE_RUNTIME_DIR'];
    const home = new TestHome({ ...kwin.environment, PIPEWIRE_RUNTIME_DIR: runtime });
    const serve = await Serve.start(home, ['--source', 'auto']);
    try {
      await pair(serve);
      const streamed = probe(serve, { mode, seconds: 2, ending: 'quit' });
      await until(() => serve.output.includes('capture opened'), 'the capture is open');
      assert.match(serve.output, /"capture":"kwin","why":"KWin lets lumen-kwin-output show screens"/);
      if (!serve.output.includes('KDE virtual screen 1024x576@60')) {
        assert.match(
          serve.output,
          /KWin says: Could not find output.*KWin makes no screen of the client’s size/,
        );
        assert.match(serve.output, /shows":"KDE screen Virtual-0"/);
      }
      assert.equal(await countNodes(), 1);
      await serve.stop();
      await until(async () => (await countNodes()) === 0, 'the screen cast is over');
      await streamed;
    } catch (error) {
      process.stderr.write(`${serve.output.slice(-6000)}\n`);
      throw error;
    } finally {
      await serve.stop();
      home.remove();
    }
  });

  it('ends its screen cast with a host that is killed', async () => {
    kwin = await startKwin(pipewire, { width: 1280, height: 720 });
    const child = spawn(helperProgram('lumen-kwin-output'), ['output', 'Virtual-0'], {
      env: { ...pipewire.environment, ...kwin.environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    assert.match(line.toString(), /^node \d+\n$/);
    assert.equal(await countNodes(), 1);
    // As the kernel does when the host is gone.
    child.stdin.destroy();
    await once(child, 'exit');
    await until(async () => (await countNodes()) === 0, 'the node is gone');
  });

  const countNodes = async (): Promise<number> => (await listVideoNodes(pipewire.environment)).length;
});
