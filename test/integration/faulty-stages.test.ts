/** An encoder stage that passed its trial and fails when a stream starts: the client is told, and the host stays up. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { pair, probe } from '../support/client.js';
import { Serve, TestHome } from '../support/serve.js';

const STAGE = fileURLToPath(new URL('../../../pipelines/encoders/x264.toml', import.meta.url));
/** Where the element is built that fails on purpose. */
const PLUGINS = fileURLToPath(new URL('../../../build/test/elements', import.meta.url));
const ENCODING_FAILED = 0x800e9403;

describe('an encoder stage that fails when a stream starts', function () {
  this.timeout(60_000);
  let home: TestHome;
  let serve: Serve;
  let trigger: string;

  const addStage = (): void => {
    const file = path.join(home.environment['XDG_CONFIG_HOME'] ?? '', 'lumen/pipelines/encoders/faulty.toml');
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const stage = `faultystage trigger=${trigger} ! x264enc`;
    fs.writeFileSync(file, fs.readFileSync(STAGE, 'utf8').replace('\nx264enc', `\n${stage}`));
  };

  before(async () => {
    home = new TestHome({ GST_PLUGIN_PATH: PLUGINS });
    trigger = path.join(home.directory, 'trigger');
    addStage();
    serve = await Serve.start(home, ['--encoder', 'faulty']);
    await pair(serve);
  });
  after(async () => {
    await serve.stop();
    home.remove();
  });

  for (const [fault, title] of [
    ['hang', 'hangs while it starts'],
    ['crash', 'crashes while it starts'],
    ['keep', 'keeps the first frame'],
  ] as const)
    it(`ends the stream with the encoding error where it ${title}`, async () => {
      fs.writeFileSync(trigger, fault);
      const since = serve.output.length;
      const startMs = performance.now();
      const bad = await probe(serve, { seconds: 8 });
      const tookMs = performance.now() - startMs;
      fs.rmSync(trigger);
      assert.equal(bad.end.hostCode, ENCODING_FAILED, JSON.stringify([bad.failure, bad.end]));
      // Three seconds where the machine is free (`npm run accept` measures it); a busy one is slower, and no client waits ten.
      assert.ok(tookMs < 8000, `the client was told after ${Math.round(tookMs)} ms`);
      assert.match(serve.output.slice(since), /"the picture cannot be produced"/);
    });

  it('leaves a host that streams when the fault is gone', async () => {
    const next = await probe(serve, { seconds: 0.5, ending: 'quit' });
    assert.equal(next.failure, null, JSON.stringify(next.failure));
  });
});
