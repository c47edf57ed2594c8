import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { fstatSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import {
  bindUdp,
  closeDescriptor,
  createMemoryFile,
  denyAddressReuse,
  dieWithParent,
} from '../../../src/support/sockets.js';

const SOCKETS_MODULE = new URL('../../../src/support/sockets.js', import.meta.url).href;

/** What a process's descriptor flags say in /proc: octal, 02000000 is close-on-exec. */
const isCloseOnExec = (fd: number): boolean => {
  const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
  return (Number.parseInt(flags ?? '0', 8) & 0o2000000) !== 0;
};

/** A process that is dead but not yet waited for counts as ended. */
const isRunning = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const bindDgram = async (socket: dgram.Socket, port: number): Promise<void> => {
  socket.bind({ port, address: '127.0.0.1' });
  await once(socket, 'listening');
};

describe('bindUdp', () => {
  it('takes a free port, with the buffers that were asked for, and no child inherits it by accident', () => {
    const bound = bindUdp({
      address: '127.0.0.1',
      port: 0,
      sendBufferBytes: 65_536,
      receiveBufferBytes: 32_768,
    });
    try {
      assert.ok(bound.port > 0);
      assert.equal(bound.sendBufferBytes, 65_536);
      assert.equal(bound.receiveBufferBytes, 32_768);
      assert.ok(fstatSync(bound.fd).isSocket());
      assert.ok(isCloseOnExec(bound.fd));
    } finally {
      closeDescriptor(bound.fd);
    }
  });

  it('says EADDRINUSE for a port that somebody holds, also across address families', () => {
    const bound = bindUdp({ address: '::', port: 0 });
    try {
      assert.throws(() => bindUdp({ address: '::', port: bound.port }), {
        code: 'EADDRINUSE',
        syscall: 'bind',
      });
      assert.throws(() => bindUdp({ address: '127.0.0.1', port: bound.port }), { code: 'EADDRINUSE' });
    } finally {
      closeDescriptor(bound.fd);
    }
  });

  it('keeps others off the port even if they ask to share it and even after libuv took the socket', async () => {
    const bound = bindUdp({ address: '127.0.0.1', port: 0 });
    const socket = dgram.createSocket('udp4');
    socket.bind({ fd: bound.fd });
    denyAddressReuse(bound.fd);
    const thief = dgram.createSocket({ type: 'udp4', reuseAddr: true });
    try {
      await assert.rejects(bindDgram(thief, bound.port), { code: 'EADDRINUSE' });
    } finally {
      thief.close();
      socket.close();
    }
  });

  it('receives IPv4 on the wildcard of both families', async () => {
    const bound = bindUdp({ address: '::', port: 0 });
    const socket = dgram.createSocket('udp6');
    const sender = dgram.createSocket('udp4');
    try {
      socket.bind({ fd: bound.fd });
      const received = once(socket, 'message');
      sender.send('over IPv4', bound.port, '127.0.0.1');
      const [datagram, from] = (await received) as [Buffer, dgram.RemoteInfo];
      assert.equal(datagram.toString(), 'over IPv4');
      assert.equal(from.address, '::ffff:127.0.0.1');
    } finally {
      sender.close();
      socket.close();
    }
  });

  it('names a bad argument', () => {
    assert.throws(
      () => bindUdp({ address: 'localhost', port: 0 }),
      /numeric IPv4 or IPv6 address, got localhost/,
    );
    assert.throws(
      () => bindUdp({ address: '::', port: -1 }),
      /port must be an integer from 0 to 65535, got -1/,
    );
  });
});

describe('createMemoryFile', () => {
  it('makes a file of zeros of the wanted size', () => {
    const fd = createMemoryFile('lumen-test', 4096);
    try {
      assert.equal(fstatSync(fd).size, 4096);
      assert.ok(isCloseOnExec(fd));
    } finally {
      closeDescriptor(fd);
    }
  });

  it('refuses a size of nothing', () => {
    assert.throws(() => createMemoryFile('lumen-test', 0), /bytes must be an integer from 1/);
  });
});

describe('closeDescriptor', () => {
  it('says EBADF for what is not open', () => {
    const fd = createMemoryFile('lumen-test', 1);
    closeDescriptor(fd);
    assert.throws(() => closeDescriptor(fd), { code: 'EBADF' });
  });
});

describe('dieWithParent', () => {
  it('throws ESRCH when the parent is another one than the child was told', () => {
    // The pid of this very process is never its own parent's.
    assert.throws(() => dieWithParent(process.pid), { code: 'ESRCH' });
  });

  it('has the kernel kill the child when the parent is killed', async () => {
    const child = `
      const { dieWithParent } = await import('${SOCKETS_MODULE}');
      dieWithParent(process.ppid);
      console.log(process.pid);
      setInterval(() => {}, 1000);`;
    const parent = `
      const { spawn } = require('node:child_process');
      spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(child)}], { stdio: 'inherit' });
      setInterval(() => {}, 1000);`;
    const spawned = spawn(process.execPath, ['-e', parent], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(spawned.stdout, 'data')) as [Buffer];
    const childPid = Number(line.toString());
    assert.ok(childPid > 0);
    // Both hold the pipe: it ends when both are gone.
    const ended = once(spawned.stdout, 'close');
    spawned.kill('SIGKILL');
    await ended;
    // A process that ends closes its files a moment before it is gone; a child that lives on runs into the time limit.
    while (isRunning(childPid)) await new Promise((resolve) => setTimeout(resolve, 5));
  }).timeout(10_000);
});

describe('a missing addon', () => {
  it('is an error with a remedy', async () => {
    const script = `
      const { bindUdp } = await import('${SOCKETS_MODULE}');
      try { bindUdp({ address: '::', port: 0 }); } catch (error) { console.log(error.code, error.remedy); }`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, LUMEN_NATIVE_DIR: '/nonexistent' },
    });
    assert.equal(stdout.trim(), 'LUMEN_NATIVE_MISSING run: npm run setup (of a package: install it again)');
  });
});
