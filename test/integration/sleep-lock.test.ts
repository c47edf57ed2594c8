/** The machine stays awake while a client streams: by the real logind, and by the real portal with a desktop of ours. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { SleepInhibitor } from '../../src/host/sleep-inhibitor.js';
import { createSilentLogger, type Logger } from '../../src/support/logger.js';
import { killChild } from '../support/children.js';
import { pair, probe } from '../support/client.js';
import { type Logind, startLogind } from '../support/logind.js';
import { type Portal, startPortal } from '../support/portal.js';
import { Serve, TestHome, until } from '../support/serve.js';
import { startSessionBus } from '../support/session-bus.js';

const REASON = 'A Moonlight client is streaming';
/** suspend and idle */
const INHIBITED = `inhibited 12 ${REASON}`;

describe('what keeps the machine awake', function () {
  this.timeout(90_000);
  let logind: Logind;
  let folder: string;
  let bus: ChildProcess;
  let portal: Portal;
  /** Of a user with both. */
  let environment: Record<string, string | undefined>;
  let home: TestHome;

  const hasLocks = (count: number) => async (): Promise<boolean> => (await logind.locks()).length === count;
  const areInhibitions = (expected: readonly string[]) => (): boolean =>
    JSON.stringify(portal.inhibitions()) === JSON.stringify(expected);
  const isHeld = async (): Promise<void> => {
    await until(hasLocks(1), 'the lock of logind is taken', 20_000);
    await until(areInhibitions([INHIBITED]), 'the desktop inhibits', 20_000);
  };
  const isLetGo = async (): Promise<void> => {
    await until(hasLocks(0), 'the lock of logind is let go', 20_000);
    await until(areInhibitions([INHIBITED, 'let go']), 'the desktop is let go', 20_000);
  };

  before(async () => {
    logind = await startLogind();
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-session-'));
    environment = { ...logind.environment, XDG_RUNTIME_DIR: folder };
    const started = await startSessionBus(environment);
    bus = started.daemon;
    environment = { ...environment, DBUS_SESSION_BUS_ADDRESS: started.address };
    const { DBUS_SYSTEM_BUS_ADDRESS, DBUS_SESSION_BUS_ADDRESS } = environment;
    home = new TestHome({ DBUS_SYSTEM_BUS_ADDRESS, DBUS_SESSION_BUS_ADDRESS });
  });
  beforeEach(async () => {
    portal = await startPortal({ environment }, 0, 'allow');
  });
  afterEach(() => portal.stop());
  after(async () => {
    home.remove();
    await killChild(bus);
    await logind.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it('is held while a client streams and let go at the end', async () => {
    const serve = await Serve.start(home);
    try {
      await pair(serve);
      assert.deepEqual(await logind.locks(), []);
      const streamed = probe(serve, { seconds: 3, ending: 'quit' });
      await isHeld();
      assert.match((await logind.locks())[0] ?? '', /sleep:idle.*block|idle:sleep.*block/);
      assert.equal((await streamed).failure, null);
      await isLetGo();
      assert.match(serve.output, /logind, desktop portal.*stays awake while a client streams/);
    } finally {
      await serve.stop();
    }
  });

  it('goes with a host that is killed', async () => {
    const serve = await Serve.start(home);
    try {
      const streamed = probe(serve, { seconds: 10, ending: 'quit' }).catch(() => undefined);
      await isHeld();
      await serve.stop('SIGKILL');
      await isLetGo();
      await streamed;
    } finally {
      await serve.stop();
    }
  });

  it('is held once for several streams, until the last of them', async () => {
    const inhibitor = new SleepInhibitor({ environment, logger: createSilentLogger() });
    inhibitor.hold('a');
    inhibitor.hold('b');
    inhibitor.hold('b');
    await isHeld();
    inhibitor.release('a');
    inhibitor.release('a');
    assert.equal((await logind.locks()).length, 1);
    assert.deepEqual(portal.inhibitions(), [INHIBITED]);
    inhibitor.release('b');
    await isLetGo();
  });

  it('is the desktop portal alone where logind refuses; when that ends too, the log says so and what to do', async () => {
    const told: [level: string, details: Record<string, string>][] = [];
    const logger = Object.assign(Object.create(createSilentLogger()) as Logger, {
      info: (details: Record<string, string>) => told.push(['info', details]),
      warn: (details: Record<string, string>) => told.push(['warn', details]),
    });
    const inhibitor = new SleepInhibitor({ environment: { ...environment, PATH: '/nonexistent' }, logger });
    try {
      inhibitor.hold('a');
      await until(() => told.length === 1, 'the log names what holds', 20_000);
      assert.deepEqual(told[0], [
        'info',
        { by: 'desktop portal', without: 'logind: systemd-inhibit is not installed' },
      ]);
      assert.deepEqual(portal.inhibitions(), [INHIBITED]);
      await portal.stop();
      const [level, details] = await until(() => told[1], 'the log says that nothing holds', 20_000);
      assert.equal(level, 'warn');
      assert.match(details['problem'] ?? '', /the desktop portal ended/);
      assert.match(details['remedy'] ?? '', /power settings/);
    } finally {
      inhibitor.close();
    }
  });
});
