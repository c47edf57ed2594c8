import assert from 'node:assert/strict';
import { createSilentLogger } from '../../../src/support/logger.js';
import { startScripted } from './scripted-child.js';

describe('MediaChild', () => {
  it('is abandoned when it does not end after SIGKILL', async () => {
    const [media, child] = startScripted({ isUnkillable: true }, createSilentLogger());
    await media.ready;
    const ends: unknown[] = [];
    media.onExit((code, signal) => ends.push([code, signal]));
    const question = assert.rejects(media.stats(), /did not end after SIGKILL/);
    await media.stop(0);
    await question;
    assert.ok(media.wasAbandoned);
    assert.ok(media.hasExited);
    assert.deepEqual(ends, [[null, 'SIGKILL']]);
    // Neither its channel nor itself may keep the host from ending.
    assert.equal(child.connected, false);
    assert.equal(child.isReferenced, false);
    child.end(null, 'SIGKILL');
    assert.equal(ends.length, 1);
    await media.stop();
  });

  it('is not abandoned when SIGKILL ends it', async () => {
    const [media] = startScripted({}, createSilentLogger());
    await media.stop(0);
    assert.ok(media.hasExited);
    assert.equal(media.wasAbandoned, false);
  });
});
