/** The real desktop portal in front of a back end of ours: asked once, restored afterwards, and a refusal that is told. */
import assert from 'node:assert/strict';
import { openStream, pair } from '../support/client.js';
import { type PipeWire, type Producer, sessionOf, startPipeWire } from '../support/pipewire.js';
import { type Portal, startPortal } from '../support/portal.js';
import { Serve, showLogWhenFailed, TestHome, until } from '../support/serve.js';

/** Slow: a `pipewiresink` that nobody takes pictures from stalls for good after about 180 of them. */
const PRODUCER = { name: 'lumen-screen', width: 640, height: 360, fps: 2 };
const OPTIONS = { mode: { width: 640, height: 360, fps: 30 }, bitrateKbps: 3000 } as const;

describe('lumen serve --source portal', function () {
  this.timeout(90_000);
  let pipewire: PipeWire;
  let producer: Producer;
  let portal: Portal | undefined;
  let home: TestHome;
  let serve: Serve | undefined;

  const start = async (): Promise<Serve> => {
    serve = await Serve.start(home, ['--source', 'portal']);
    return serve;
  };

  before(async () => {
    pipewire = await startPipeWire();
    producer = await pipewire.startProducer(PRODUCER);
  });
  beforeEach(() => {
    home = new TestHome(sessionOf(pipewire));
  });
  showLogWhenFailed(() => serve?.output);
  afterEach(async () => {
    await serve?.stop();
    await portal?.stop();
    home.remove();
  });
  after(async () => {
    await producer.kill();
    await pipewire.stop();
  });

  const showsPicture = async (running: Serve): Promise<void> => {
    const stream = await openStream(running, OPTIONS);
    assert.notEqual(await stream.firstFrame, null);
    await until(async () => (await stream.stats()).frames.decoded > 20, 'pictures', 20_000);
    assert.equal((await stream.stats()).frames.wrong, 0, 'the producer’s counter is in the picture');
    await stream.quit();
  };

  it('asks at the first start, and never again: the saved token does instead', async () => {
    portal = await startPortal(pipewire, producer.node.id, 'allow');
    const asked = portal;
    const first = await start();
    await until(() => asked.notes().includes('asked'), 'the dialog', 20_000);
    await until(() => first.output.includes('permission is there'), 'the token', 20_000);
    await pair(first);
    await showsPicture(first);
    assert.deepEqual(
      asked.notes().filter((note) => note !== 'closed'),
      ['asked', 'restored'],
    );
    await first.stop();
    await showsPicture(await start());
    assert.deepEqual(
      asked.notes().filter((note) => note !== 'closed'),
      ['asked', 'restored', 'restored'],
    );
    await until(
      () => asked.notes().filter((note) => note === 'closed').length === 3,
      'no session is left',
      20_000,
    );
  });

  it('takes an answer from nobody but the portal', async () => {
    portal = await startPortal(pipewire, producer.node.id, 'forge');
    const running = await start();
    await until(() => running.output.includes('permission'), 'the answer', 20_000);
    assert.match(running.output, /permission is there/);
  });

  it('ends the stream of a client with a reason when the dialog is refused', async () => {
    portal = await startPortal(pipewire, producer.node.id, 'refuse');
    const running = await start();
    await pair(running);
    const stream = await openStream(running, OPTIONS);
    assert.equal(await stream.firstFrame, null);
    await until(() => running.output.includes('session ended'), 'the end', 20_000);
    assert.match(running.output, /dialog on this machine was refused/);
    assert.match(running.output, /0x800e9403/);
    await stream.vanish();
  });
});
