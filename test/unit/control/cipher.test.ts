import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ControlCipher, ReplayWindow, sealMessage } from '../../../src/control/cipher.js';
import { loadControlVectors } from '../../support/control-vectors.js';

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('the control cipher', () => {
  it('opens every recorded message and seals it to the same bytes', () => {
    for (const { from, key, sequence, plaintext, packet } of loadControlVectors()) {
      const opened = new ControlCipher(key, true, from === 'client' ? 'host' : 'client').open(packet);
      assert.deepEqual(opened, { ok: true, sequence, plaintext });
      assert.equal(sealMessage(key, true, from, sequence, plaintext).toString('hex'), packet.toString('hex'));
    }
  });

  it('counts up from zero and gives the worked examples of both sides', () => {
    const client = new ControlCipher(KEY, true, 'client');
    const idr = '0100 1a00 00000000 22302723537811166cb9bfead7dad457 5cd629f5cafe';
    const startB = '0100 1900 01000000 66393527e11b8c76341d912f5ee3ca51 2427044103';
    assert.deepEqual(client.seal(hex('0203 0200 0000')), hex(idr));
    assert.deepEqual(client.seal(hex('0703 0100 00')), hex(startB));
    const host = new ControlCipher(KEY, true, 'host');
    const termination = '0100 1c00 00000000 b835a2b8ace857ddcbad385dce166aa9 f2dd4edacf3be801';
    assert.deepEqual(host.seal(hex('0901 0400 80030023')), hex(termination));
  });

  it('gives the worked example of the legacy IV', () => {
    const packet = hex('0100 1a00 00000000 566c8363e380dad031b24ee56ee40bb6 021579f6ebbe');
    assert.deepEqual(new ControlCipher(KEY, false, 'client').seal(hex('0203 0200 0000')), packet);
    const opened = new ControlCipher(KEY, false, 'host').open(packet);
    assert.deepEqual(opened, { ok: true, sequence: 0, plaintext: hex('0203 0200 0000') });
  });

  it('accepts messages out of order but each of them once', () => {
    const client = new ControlCipher(KEY, true, 'client');
    const host = new ControlCipher(KEY, true, 'host');
    const packets = Array.from({ length: 5 }, (_, index) => client.seal(Buffer.from([index])));
    for (const index of [2, 0, 4, 1, 3]) assert.equal(host.open(packets[index] as Buffer).ok, true);
    for (const packet of packets) assert.deepEqual(host.open(packet), { ok: false, reason: 'replay' });
  });

  it('does not let a forged message use up a sequence number', () => {
    const client = new ControlCipher(KEY, true, 'client');
    const host = new ControlCipher(KEY, true, 'host');
    const genuine = client.seal(Buffer.from('genuine'));
    const forged = Buffer.from(genuine);
    forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1;
    forged.writeUInt32LE(0, 4);
    assert.deepEqual(host.open(forged), { ok: false, reason: 'bad-tag' });
    assert.equal(host.open(genuine).ok, true);
  });

  it('refuses its own direction, plain messages and impossible lengths', () => {
    const host = new ControlCipher(KEY, true, 'host');
    assert.deepEqual(host.open(host.seal(Buffer.from('own'))), { ok: false, reason: 'bad-tag' });
    assert.deepEqual(host.open(hex('0203 0200 0000')), { ok: false, reason: 'unencrypted' });
    assert.deepEqual(host.open(hex('01')), { ok: false, reason: 'malformed' });
    assert.deepEqual(host.open(hex('0100 0000 00000000')), { ok: false, reason: 'malformed' });
    assert.deepEqual(host.open(Buffer.concat([hex('0100 0300'), Buffer.alloc(40)])), {
      ok: false,
      reason: 'malformed',
    });
  });

  it('ignores bytes beyond the stated length', () => {
    const packet = new ControlCipher(KEY, true, 'client').seal(Buffer.from('message'));
    const opened = new ControlCipher(KEY, true, 'host').open(Buffer.concat([packet, Buffer.alloc(3)]));
    assert.ok(opened.ok);
    assert.equal(opened.plaintext.toString(), 'message');
  });

  it('takes a key of 16 bytes only', () => {
    assert.throws(() => new ControlCipher(Buffer.alloc(15), true, 'host'), /15 bytes/);
  });

  it('opens what the other side sealed, whatever the message, and nothing that was changed', () => {
    const message = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(
        message,
        fc.boolean(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (data, isV2, place, flip) => {
          const packet = new ControlCipher(KEY, isV2, 'host').seal(Buffer.from(data));
          const changed = Buffer.from(packet);
          const index = 8 + (place % (packet.length - 8));
          changed[index] = (changed[index] ?? 0) ^ flip;
          assert.deepEqual(new ControlCipher(KEY, isV2, 'client').open(changed), {
            ok: false,
            reason: 'bad-tag',
          });
          const opened = new ControlCipher(KEY, isV2, 'client').open(packet);
          assert.ok(opened.ok);
          assert.deepEqual(opened.plaintext, Buffer.from(data));
        },
      ),
    );
  });

  it('never throws on any bytes', () => {
    const host = new ControlCipher(KEY, true, 'host');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (random) => {
        assert.equal(host.open(Buffer.from(random)).ok, false);
        assert.equal(host.open(Buffer.concat([hex('0100'), Buffer.from(random)])).ok, false);
      }),
    );
  });
});

describe('the replay window', () => {
  it('behaves like a set of all numbers seen, cut off below the window', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { maxLength: 120 }), (sequences) => {
        const window = new ReplayWindow(16);
        const seen = new Set<number>();
        let highest = -1;
        for (const sequence of sequences) {
          const isExpected = sequence > highest - 16 && !seen.has(sequence);
          assert.equal(window.isFresh(sequence), isExpected);
          if (!isExpected) continue;
          window.accept(sequence);
          seen.add(sequence);
          highest = Math.max(highest, sequence);
        }
      }),
    );
  });

  it('takes a jump to the largest number', () => {
    const window = new ReplayWindow();
    window.accept(5);
    window.accept(0xffffffff);
    assert.equal(window.isFresh(5), false);
    assert.equal(window.isFresh(0xffffffff), false);
    assert.equal(window.isFresh(0xfffffffe), true);
  });
});
