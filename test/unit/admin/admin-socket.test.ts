import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { askServe, findServePorts } from '../../../src/admin/client.js';
import { adminRequestSchema } from '../../../src/admin/messages.js';
import { startAdminServer } from '../../../src/admin/server.js';
import { createSilentLogger } from '../../../src/support/logger.js';

const sendRaw = (socketPath: string, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(socketPath, () => socket.write(bytes));
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(received));
  });

describe('the administration socket', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-admin-'));
  const socketPath = path.join(directory, 'serve.sock');
  let stop: () => Promise<void>;
  const seen: unknown[] = [];

  before(async () => {
    stop = await startAdminServer(
      socketPath,
      async (request) => {
        seen.push(request);
        return { ok: true, text: request.command };
      },
      createSilentLogger(),
    );
  });

  after(async () => {
    await stop();
    fs.rmSync(directory, { recursive: true });
  });

  it('can be opened by its owner alone', () => {
    assert.equal(fs.statSync(socketPath).mode & 0o777, 0o600);
  });

  it('answers a command', async () => {
    assert.deepEqual(await askServe(socketPath, { command: 'pair', pin: '1234' }), {
      ok: true,
      text: 'pair',
    });
    assert.deepEqual(seen.at(-1), { command: 'pair', pin: '1234' });
  });

  it('is not taken over by a second server', async () => {
    await assert.rejects(
      startAdminServer(socketPath, async () => ({ ok: true, text: '' }), createSilentLogger()),
      { code: 'LUMEN_PORT_BUSY' },
    );
    assert((await askServe(socketPath, { command: 'status' })).ok);
  });

  it('replaces the file that a killed server left behind', async () => {
    const stale = path.join(directory, 'stale.sock');
    fs.writeFileSync(stale, '');
    const close = await startAdminServer(
      stale,
      async () => ({ ok: true, text: 'new' }),
      createSilentLogger(),
    );
    assert.deepEqual(await askServe(stale, { command: 'status' }), { ok: true, text: 'new' });
    await close();
    assert.equal(fs.existsSync(stale), false);
  });

  it('says that nobody is there when nobody is', async () => {
    await assert.rejects(askServe(path.join(directory, 'none.sock'), { command: 'status' }), {
      code: 'LUMEN_CONTROL_SOCKET',
    });
  });

  it('is found by its base port as long as somebody answers there', async () => {
    assert.deepEqual(await findServePorts(path.join(directory, 'none')), []);
    fs.writeFileSync(path.join(directory, 'serve-1.sock'), 'left behind');
    const close = await startAdminServer(
      path.join(directory, 'serve-50000.sock'),
      async () => ({ ok: true, text: '' }),
      createSilentLogger(),
    );
    assert.deepEqual(await findServePorts(directory), [50000]);
    await close();
    assert.deepEqual(await findServePorts(directory), []);
  });

  it('takes the short name of a client', () => {
    assert.ok(adminRequestSchema.safeParse({ command: 'clients-remove', client: 'TV' }).success);
    assert.equal(adminRequestSchema.safeParse({ command: 'clients-remove', client: '' }).success, false);
  });

  it('refuses requests without end and requests that are no command', async () => {
    assert.match(await sendRaw(socketPath, 'x'.repeat(5000)), /too long/);
    assert.match(await sendRaw(socketPath, '{"command":"pair"}\n'), /not one of the known/);
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 200 }), async (text) => {
        const reply = await sendRaw(socketPath, `${text.replaceAll('\n', ' ')}\n`);
        assert.match(reply, /^\{"ok":false/);
      }),
      { numRuns: 30 },
    );
  });
});
