/** Two hosts of one user beside each other: the commands find the one that is meant, and leave none out. */
import assert from 'node:assert/strict';
import { openStream, pair } from '../support/client.js';
import { findBasePort, Serve, TestHome } from '../support/serve.js';

describe('two hosts of one user', function () {
  this.timeout(60_000);
  const home = new TestHome();
  const hosts: Serve[] = [];

  before(async () => {
    hosts.push(await Serve.start(home), await Serve.start(home));
    hosts.sort((a, b) => a.port - b.port);
  });
  after(async () => {
    for (const host of hosts) await host.stop();
    home.remove();
  });

  it('are named by a command that asks at a port where none is', async () => {
    const result = await home.lumen(['status', '--port', String(await findBasePort())]);
    assert.equal(result.status, 9);
    for (const { port } of hosts) assert.match(result.stderr, new RegExp(`--port.* ${port}`));
  });

  it('both end what they stream to a client that is removed, whichever is asked first', async () => {
    const [first, second] = hosts;
    assert.ok(first !== undefined && second !== undefined);
    const { person } = await pair(second);
    assert.equal(person.status, 0, person.stderr);
    const stream = await openStream(second, { mode: { width: 640, height: 360, fps: 30 } });
    assert.notEqual(await stream.firstFrame, null);
    const removed = await home.lumen([
      'clients',
      'remove',
      'client at 127.0.0.1',
      '--port',
      String(first.port),
    ]);
    assert.equal(removed.status, 0, removed.stderr);
    const end = await stream.ended;
    assert.equal(end.code, 0, end.text);
    await stream.vanish();
    assert.deepEqual((await second.status()).sessions, []);
  });
});

describe('lumen serve that cannot start', function () {
  this.timeout(30_000);
  const home = new TestHome();
  after(() => home.remove());

  const refusal = async (...args: string[]): Promise<string> => {
    const result = await home.lumen([
      'serve',
      '--port',
      String(await findBasePort()),
      '--no-discovery',
      ...args,
    ]);
    assert.notEqual(result.status, 0);
    assert.doesNotMatch(result.stderr, / at .*\.js:\d/, 'no stack is shown');
    return result.stderr;
  };

  it('because no interface has the address says so', async () => {
    assert.match(
      await refusal('--bind-address', '192.0.2.1'),
      /192\.0\.2\.1: this machine has no such address/,
    );
  });

  it('because there is no such encoder stage names the nearest', async () => {
    const text = await refusal('--bind-address', '127.0.0.1', '--encoder', 'nosuch');
    assert.match(text, /nosuch[\s\S]*nearest is "[\w-]+"; see: lumen pipelines list/);
  });
});
