import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatPing, parsePing } from '../../../src/endpoints/ping.js';

describe('a ping', () => {
  it('of a session is its payload and a big-endian counter', () => {
    const datagram = Buffer.concat([Buffer.from('9C41E07B52D3AA18'), Buffer.from([0, 0, 1, 2])]);
    const ping = { kind: 'session' as const, payload: '9C41E07B52D3AA18', counter: 258 };
    assert.deepEqual(parsePing(datagram), ping);
    assert.deepEqual(formatPing(ping), datagram);
  });

  it('of an old client is four letters', () => {
    assert.deepEqual(parsePing(Buffer.from('PING')), { kind: 'legacy' });
    assert.equal(formatPing({ kind: 'legacy' }).toString(), 'PING');
  });

  it('may be longer than known', () => {
    const datagram = Buffer.concat([Buffer.from('9C41E07B52D3AA18'), Buffer.alloc(40)]);
    assert.deepEqual(parsePing(datagram), { kind: 'session', payload: '9C41E07B52D3AA18', counter: 0 });
  });

  it('is nothing else', () => {
    for (const text of ['', 'PIN', 'ping', 'PINGS', '9C41E07B52D3AA18', '9C41E07B52D3AA18012']) {
      assert.equal(parsePing(Buffer.from(text)), undefined);
    }
  });

  it('has a payload of 16 single bytes', () => {
    for (const payload of ['', '9C41E07B52D3AA1', '9C41E07B52D3AA1€']) {
      assert.throws(() => formatPing({ kind: 'session', payload, counter: 1 }), RangeError);
    }
  });

  it('survives a round trip, and no bytes make the parser throw', () => {
    const payload = fc
      .uint8Array({ minLength: 16, maxLength: 16 })
      .map((array) => Buffer.from(array).toString('latin1'));
    fc.assert(
      fc.property(payload, fc.nat(0xffffffff), (text, counter) => {
        const ping = { kind: 'session' as const, payload: text, counter };
        assert.deepEqual(parsePing(formatPing(ping)), ping);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 19 }), (random) => {
        const bytes = Buffer.from(random);
        assert.equal(parsePing(bytes) === undefined, bytes.toString('latin1') !== 'PING');
      }),
    );
  });
});
