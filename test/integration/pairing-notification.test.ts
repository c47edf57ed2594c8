/** A client that asks to pair, as the person at the desktop sees it: a real message bus and a notification service. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { generateKeyPair } from '../../src/identity/key-pair.js';
import { pair } from '../support/client.js';
import { Serve, TestHome, until } from '../support/serve.js';

const SERVICE = fileURLToPath(new URL('../../../build/test/desktop/notification-service', import.meta.url));

describe('the desktop of a host', function () {
  this.timeout(120_000);
  const children: ChildProcess[] = [];
  let home: TestHome;
  let serve: Serve;
  /** What the desktop was asked, line by line. */
  let asked = '';

  const start = (program: string, args: readonly string[], address = ''): ChildProcess => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, DBUS_SESSION_BUS_ADDRESS: address },
    });
    children.push(child);
    return child;
  };

  before(async () => {
    const daemon = start('dbus-daemon', ['--session', '--nofork', '--print-address=1']);
    const [line] = (await once(daemon.stdout ?? daemon, 'data')) as [Buffer];
    const address = line.toString().trim();
    start(SERVICE, [], address).stdout?.on('data', (chunk) => {
      asked += chunk;
    });
    await until(() => asked.includes('ready'), 'the notification service has its name');
    home = new TestHome({ DBUS_SESSION_BUS_ADDRESS: address });
    serve = await Serve.start(home, ['--name', 'Living <room>']);
  });
  after(async () => {
    await serve.stop();
    home.remove();
    for (const child of children.reverse()) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });

  it('is told that a client waits for its PIN, where to type it, and when that is over', async () => {
    const { client } = await pair(serve);
    assert.equal(client.status, 'fulfilled', JSON.stringify(client));
    await until(() => /^close\t1$/m.test(asked), 'the notification is taken back');
    const shown = /^notify\t1\t(.*)$/m.exec(asked)?.[1]?.split('\t') ?? [];
    assert.equal(shown[0], 'Lumen');
    assert.equal(shown[1], 'A client wants to pair with Living <room>');
    assert.match(shown[2] ?? '', new RegExp(`lumen pair PIN 127\\.0\\.0\\.1 --port ${serve.port}`));
  });

  it('takes no markup from a client, and no notification of one that has gone', async () => {
    const { certificatePem } = await generateKeyPair('NVIDIA GameStream Client');
    const query = new URLSearchParams({
      uniqueid: '0123456789ABCDEF',
      devicename: '<b>TV</b> & more',
      phrase: 'getservercert',
      salt: '00'.repeat(16),
      clientcert: Buffer.from(certificatePem).toString('hex'),
    });
    const request = http.get(`http://127.0.0.1:${serve.port}/pair?${query}`);
    request.on('error', () => undefined);
    const shown = await until(() => /^notify\t2\t.*$/m.exec(asked)?.[0], 'the notification is shown');
    assert.match(shown, /&lt;b&gt;TV&lt;\/b&gt; &amp; more at 127\.0\.0\.1 shows a PIN/);
    request.destroy();
    await until(() => /^close\t2$/m.test(asked), 'the notification is taken back');
  });
});
