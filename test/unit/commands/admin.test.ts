/** The commands that ask a running host: which host they ask, and what they ask it. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { AdminRequest } from '../../../src/admin/messages.js';
import { startAdminServer } from '../../../src/admin/server.js';
import { ask } from '../../../src/commands/admin.js';
import { removeClient } from '../../../src/commands/clients.js';
import { toPairRequest } from '../../../src/commands/pair.js';
import { formatPinPrompt } from '../../../src/commands/pin-prompt.js';
import { parseCertificate } from '../../../src/identity/certificate.js';
import { ClientStore } from '../../../src/identity/client-store.js';
import { generateKeyPair } from '../../../src/identity/key-pair.js';
import { LumenError } from '../../../src/support/errors.js';
import { createSilentLogger } from '../../../src/support/logger.js';

const VARIABLES = ['XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', 'XDG_STATE_HOME', 'LUMEN_PORT'] as const;

describe('the commands that ask a running host', function () {
  this.timeout(10_000); // a busy machine may stall for seconds

  const earlier = VARIABLES.map((name) => [name, process.env[name]] as const);
  const closers: (() => Promise<void>)[] = [];
  let directory: string;
  let asked: { port: number; request: AdminRequest }[];

  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-commands-'));
    for (const name of VARIABLES.slice(0, 3)) process.env[name] = directory;
    fs.mkdirSync(path.join(directory, 'lumen'), { mode: 0o700 });
    process.env['LUMEN_PORT'] = '50000';
    asked = [];
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
    fs.rmSync(directory, { recursive: true });
    for (const [name, value] of earlier) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  /** A host that says no to every request, or yes. */
  const startFake = async (port: number, isOk = true): Promise<void> => {
    const socket = path.join(directory, 'lumen', `serve-${port}.sock`);
    const handle = async (request: AdminRequest) => {
      asked.push({ port, request });
      return isOk
        ? ({ ok: true, text: `from ${port}` } as const)
        : ({ ok: false, problem: `not at ${port}`, remedy: '' } as const);
    };
    closers.push(await startAdminServer(socket, handle, createSilentLogger()));
  };

  it('ask at the configured port unless another one is given', async () => {
    await startFake(50000);
    await startFake(51000);
    assert.deepEqual(await ask(undefined, { command: 'status' }), { ok: true, text: 'from 50000' });
    assert.deepEqual(await ask(51000, { command: 'status' }), { ok: true, text: 'from 51000' });
    delete process.env['LUMEN_PORT'];
    fs.writeFileSync(path.join(directory, 'lumen', 'config.toml'), 'port = 51000\n');
    assert.deepEqual(await ask(undefined, { command: 'status' }), { ok: true, text: 'from 51000' });
  });

  it('name the port to use when the only host that runs is at another one', async () => {
    const remedyOf = async (): Promise<string> => {
      const error: unknown = await ask(undefined, { command: 'status' }).catch((reason: unknown) => reason);
      assert.ok(error instanceof LumenError && error.code === 'LUMEN_CONTROL_SOCKET');
      return error.remedy;
    };
    assert.match(await remedyOf(), /lumen serve, as the same user/);
    await startFake(51000);
    assert.match(await remedyOf(), /--port 51000/);
    await startFake(52000);
    assert.match(await remedyOf(), /51000, 52000/);
  });

  it('have every host end what a removed client streams, whatever its port', async () => {
    await startFake(51000, false);
    await startFake(52000);
    assert.deepEqual(await removeClient(undefined, 'TV'), { ok: true, text: 'from 52000' });
    assert.deepEqual(
      asked.map(({ port }) => port),
      [51000, 52000],
    );
    assert.deepEqual(asked[0]?.request, { command: 'clients-remove', client: 'TV' });
    asked = [];
    await removeClient(52000, 'TV');
    assert.equal(asked[0]?.port, 52000);
  });

  it('remove a client from the file when no host runs', async () => {
    const { certificatePem } = await generateKeyPair('client');
    const parsed = parseCertificate(certificatePem);
    assert.ok(parsed.ok);
    const store = new ClientStore(path.join(directory, 'lumen'));
    store.add(parsed.certificate, 'TV');
    assert.equal((await removeClient(undefined, 'TV')).ok, true);
    assert.deepEqual(store.list(), []);
    assert.equal((await removeClient(undefined, 'TV')).ok, false);
  });
});

describe('lumen pair', () => {
  it('hands in a PIN, with the address of one client or without', () => {
    assert.deepEqual(toPairRequest('1234', undefined, {}), { command: 'pair', pin: '1234' });
    assert.deepEqual(toPairRequest('1234', '192.0.2.1', {}), {
      command: 'pair',
      pin: '1234',
      address: '192.0.2.1',
    });
  });

  it('lists and refuses clients that wait', () => {
    assert.deepEqual(toPairRequest(undefined, undefined, { list: true }), { command: 'pair-list' });
    assert.deepEqual(toPairRequest(undefined, undefined, { refuse: '192.0.2.1' }), {
      command: 'pair-refuse',
      address: '192.0.2.1',
    });
  });

  it('takes one thing at a time', () => {
    for (const [pin, options] of [
      [undefined, {}],
      ['1234', { list: true }],
      ['1234', { refuse: '192.0.2.1' }],
      [undefined, { list: true, refuse: '192.0.2.1' }],
    ] as const) {
      assert.throws(() => toPairRequest(pin, undefined, options), { code: 'LUMEN_USAGE' });
    }
  });
});

describe('the prompt of lumen serve', () => {
  const waiting = ['192.0.2.1', '192.0.2.2'].map((peerAddress) => ({ peerAddress, name: 'TV' }));

  it('asks one client for its PIN, and of several also which one', () => {
    assert.match(formatPinPrompt(waiting.slice(0, 1)), /192\.0\.2\.1 wants to pair\. PIN/);
    assert.match(formatPinPrompt(waiting), /192\.0\.2\.1, 192\.0\.2\.2 want to pair\. PIN and ADDRESS/);
  });
});
