import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { findPinnedHost, loadIdentity, parsePinnedHosts, pinHost } from '../../../src/probe/identity.js';
import { LumenError } from '../../../src/support/errors.js';

describe('probe/identity', () => {
  let dir = '';

  beforeEach(() => {
    dir = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-probe-')), 'probe');
  });

  afterEach(() => fs.rmSync(path.dirname(dir), { recursive: true, force: true }));

  it('makes its certificate once and keeps it private', async () => {
    const first = await loadIdentity(dir);
    assert.deepEqual(await loadIdentity(dir), first);
    for (const name of fs.readdirSync(dir))
      assert.equal(fs.statSync(path.join(dir, name)).mode & 0o077, 0, name);
  });

  it('does not replace a damaged certificate', async () => {
    await loadIdentity(dir);
    fs.writeFileSync(path.join(dir, 'client.pem'), 'not a key');
    await assert.rejects(
      loadIdentity(dir),
      (error: unknown) => error instanceof LumenError && error.code === 'LUMEN_STATE_UNREADABLE',
    );
  });

  it('finds a pinned host by its id, the newest certificate of it', () => {
    assert.equal(findPinnedHost(dir, 'A'), undefined);
    pinHost(dir, { uniqueId: 'A', name: 'one', certPem: 'old' });
    pinHost(dir, { uniqueId: 'B', name: 'two', certPem: 'other' });
    pinHost(dir, { uniqueId: 'A', name: 'one', certPem: 'new' });
    assert.equal(findPinnedHost(dir, 'A')?.certPem, 'new');
    assert.equal(findPinnedHost(dir, 'B')?.certPem, 'other');
  });

  it('reads lists of hosts and nothing else', () => {
    assert.deepEqual(parsePinnedHosts('[]'), []);
    const host = { uniqueId: 'A', name: 'n', certPem: 'p' };
    assert.deepEqual(parsePinnedHosts(JSON.stringify([host])), [host]);
    for (const text of [
      '',
      '{}',
      'null',
      '[1]',
      '[null]',
      '[{"uniqueId":"A"}]',
      '[{"uniqueId":1,"name":"","certPem":""}]',
    ]) {
      assert.equal(parsePinnedHosts(text), null, text);
    }
  });

  it('never throws on the text of the file', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        parsePinnedHosts(text);
      }),
    );
  });
});
