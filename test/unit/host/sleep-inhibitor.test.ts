import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { SleepInhibitor } from '../../../src/host/sleep-inhibitor.js';
import { createSilentLogger, type Logger } from '../../../src/support/logger.js';

describe('SleepInhibitor', () => {
  it('says once that a machine has neither logind nor a desktop, and streams all the same', async () => {
    const warnings: unknown[] = [];
    const logger = Object.assign(Object.create(createSilentLogger()) as Logger, {
      warn: (details: unknown) => warnings.push(details),
    });
    const inhibitor = new SleepInhibitor({ environment: { PATH: '/nonexistent' }, logger });
    for (const stream of ['first', 'second']) {
      inhibitor.hold(stream);
      await sleep(50);
      inhibitor.release(stream);
    }
    inhibitor.close();
    assert.deepEqual(warnings, [
      {
        problem: 'logind: systemd-inhibit is not installed; desktop portal: there is no session bus',
        remedy:
          'forbid it in the power settings, or see “Staying awake” in docs/headless.md for what has to be there',
      },
    ]);
  });
});
