import assert from 'node:assert/strict';
import type os from 'node:os';
import fc from 'fast-check';
import { readQuestions, writeAnswer } from '../../../src/discovery/dns-message.js';
import { isAnswered, listIpv6Interfaces, toRecords } from '../../../src/discovery/ipv6-responder.js';

const NAMES = {
  instance: 'den._nvstream._tcp.local',
  type: '_nvstream._tcp.local',
  host: 'den-lumen.local',
};
const SERVICE = '095f6e7673747265616d045f746370056c6f63616c00';
const query = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

describe('the questions of a DNS message', () => {
  it('are read, with a name that points to an earlier one', () => {
    // Two questions; the second is `den` before the name of the first, at byte 12.
    const message = query(`0000 0000 0002 0000 0000 0000 ${SERVICE} 000c 0001 0364656e c00c 0021 8001`);
    assert.deepEqual(readQuestions(message), [
      { name: '_nvstream._tcp.local', type: 12 },
      { name: 'den._nvstream._tcp.local', type: 33 },
    ]);
  });

  it('are none in a response', () => {
    assert.deepEqual(readQuestions(query(`0000 8400 0001 0000 0000 0000 ${SERVICE} 000c 0001`)), []);
  });

  it('end where a name runs in a circle or the message ends', () => {
    assert.deepEqual(readQuestions(query('0000 0000 0001 0000 0000 0000 c00c 000c 0001')), []);
    assert.deepEqual(readQuestions(query(`0000 0000 0002 0000 0000 0000 ${SERVICE} 000c 0001 0364`)), [
      { name: '_nvstream._tcp.local', type: 12 },
    ]);
  });

  it('never throw, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => void readQuestions(Buffer.from(bytes))),
    );
  });
});

describe('an answer', () => {
  it('has name, port and address byte for byte', () => {
    const answer = writeAnswer(toRecords(NAMES, 0x3039, ['fd00::1:2']), 120).toString('hex');
    assert.ok(answer.startsWith('000084000000000500000000'));
    assert.ok(answer.includes(`${SERVICE}000c000100000078001a0364656e${SERVICE}`), answer);
    assert.ok(answer.includes(`0364656e${SERVICE}0021800100000078001700000000303909`), answer);
    assert.ok(answer.endsWith('056c6f63616c00001c8001000000780010fd000000000000000000000000010002'), answer);
  });

  it('is given to the questions that it answers, whatever their case', () => {
    const records = toRecords(NAMES, 1, ['fd00::1']);
    for (const [name, type] of [
      ['_NVSTREAM._tcp.local', 12],
      ['_services._dns-sd._udp.local', 12],
      ['den._nvstream._tcp.local', 33],
      ['den._nvstream._tcp.local', 16],
      ['den-lumen.local', 28],
      ['den-lumen.local', 255],
    ] as const)
      assert.ok(isAnswered({ name, type }, records), name);
    for (const [name, type] of [
      ['_nvstream._tcp.local', 33],
      ['den-lumen.local', 1],
      ['other.local', 28],
    ] as const)
      assert.ok(!isAnswered({ name, type }, records), name);
  });

  it('is about the addresses of its interface, loopback left out', () => {
    const info = (address: string, family: 'IPv4' | 'IPv6', internal = false) =>
      ({ address, family, internal }) as os.NetworkInterfaceInfo;
    const interfaces = {
      lo: [info('::1', 'IPv6', true)],
      eth0: [info('192.0.2.1', 'IPv4'), info('fe80::1', 'IPv6'), info('2001:db8::1', 'IPv6')],
      eth1: [info('192.0.2.2', 'IPv4')],
      eth2: [info('fe80::2', 'IPv6')],
    };
    assert.deepEqual(
      [...listIpv6Interfaces(undefined, interfaces)],
      [
        ['eth0', ['fe80::1', '2001:db8::1']],
        ['eth2', ['fe80::2']],
      ],
    );
    assert.deepEqual([...listIpv6Interfaces('eth2', interfaces).keys()], ['eth2']);
  });
});
