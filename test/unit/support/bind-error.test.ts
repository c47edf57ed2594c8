import assert from 'node:assert/strict';
import { toBindError } from '../../../src/support/bind-error.js';
import { LumenError } from '../../../src/support/errors.js';
import { bindUdp } from '../../../src/support/sockets.js';

const WANTED = { port: 47998, use: 'UDP video', address: '192.0.2.1' };

const bindError = (wanted: typeof WANTED): unknown => {
  try {
    bindUdp(wanted);
  } catch (error) {
    return toBindError(error, wanted);
  }
  return undefined;
};

describe('a port that cannot be opened', () => {
  it('on an address that this machine has not is explained, with what to do', () => {
    const error = bindError(WANTED);
    assert.ok(error instanceof LumenError);
    assert.equal(error.code, 'LUMEN_BIND_FAILED');
    assert.match(error.message, /Port 47998 \(UDP video\).*192\.0\.2\.1: this machine has no such address/);
    assert.match(error.remedy, /0\.0\.0\.0/);
  });

  it('because it is taken or forbidden is explained', () => {
    for (const [systemCode, code] of [
      ['EADDRINUSE', 'LUMEN_PORT_BUSY'],
      ['EACCES', 'LUMEN_BIND_FAILED'],
    ] as const) {
      const error = toBindError(Object.assign(new Error('bind'), { code: systemCode }), WANTED);
      assert.ok(error instanceof LumenError);
      assert.equal(error.code, code);
      assert.ok(!/[{}]/.test(error.message + error.remedy), error.remedy);
    }
  });

  it('for a reason that is a bug keeps its own error', () => {
    for (const error of [new Error('x'), Object.assign(new Error('x'), { code: 'EBADF' }), 'text'])
      assert.equal(toBindError(error, WANTED), error);
  });
});
