/** The machine stays awake while a client streams: the lock that the real logind knows. */
import assert from 'node:assert/strict';
import { SleepInhibitor } from '../../src/host/sleep-inhibitor.js';
import { createSilentLogger } from '../../src/support/logger.js';
import { pair, probe } from '../support/client.js';
import { type Logind, startLogind } from '../support/logind.js';
import { Serve, TestHome, until } from '../support/serve.js';

describe('the lock that keeps the machine awake', function () {
  this.timeout(60_000);
  let logind: Logind;
  let home: TestHome;

  const hasLocks = (count: number) => async (): Promise<boolean> => (await logind.locks()).length === count;

  before(async () => {
    logind = await startLogind();
    home = new TestHome({ ...logind.environment });
  });
  after(async () => {
    home.remove();
    await logind.stop();
  });

  it('is held while a client streams and let go at the end', async () => {
    const serve = await Serve.start(home);
    try {
      await pair(serve);
      assert.deepEqual(await logind.locks(), []);
      const streamed = probe(serve, { seconds: 3, ending: 'quit' });
      await until(hasLocks(1), 'the lock is taken');
      assert.match((await logind.locks())[0] ?? '', /sleep:idle.*block|idle:sleep.*block/);
      assert.equal((await streamed).failure, null);
      await until(hasLocks(0), 'the lock is let go');
    } finally {
      await serve.stop();
    }
  });

  it('goes with a host that is killed', async () => {
    const serve = await Serve.start(home);
    try {
      const streamed = probe(serve, { seconds: 10, ending: 'quit' }).catch(() => undefined);
      await until(hasLocks(1), 'the lock is taken');
      await serve.stop('SIGKILL');
      await until(hasLocks(0), 'the lock is gone');
      await streamed;
    } finally {
      await serve.stop();
    }
  });

  it('is one lock for several streams, until the last of them', async () => {
    const inhibitor = new SleepInhibitor({ environment: logind.environment, logger: createSilentLogger() });
    inhibitor.hold('a');
    inhibitor.hold('b');
    inhibitor.hold('b');
    await until(hasLocks(1), 'the lock is taken');
    inhibitor.release('a');
    inhibitor.release('a');
    assert.equal((await logind.locks()).length, 1);
    inhibitor.release('b');
    await until(hasLocks(0), 'the lock is let go');
  });
});
