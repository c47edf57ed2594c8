/** Names and scopes, and one real announcement that never leaves the loopback interface. */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import type os from 'node:os';
import fc from 'fast-check';
import {
  advertise,
  resolveScope,
  toInstanceName,
  toInterfaceNames,
} from '../../../src/discovery/advertise.js';
import { createSilentLogger } from '../../../src/support/logger.js';

const GROUP = '224.0.0.251';
const PORT = 5353;

/** A PTR question for `_nvstream._tcp.local` (RFC 1035 §4.1). */
const QUERY = Buffer.concat([
  Buffer.from('000000000001000000000000', 'hex'),
  ...['_nvstream', '_tcp', 'local'].map((label) =>
    Buffer.from(`${String.fromCharCode(label.length)}${label}`),
  ),
  Buffer.from('00000c0001', 'hex'),
]);

const isResponse = (packet: Buffer): boolean => packet.length > 12 && (packet.readUInt16BE(2) & 0x8000) !== 0;

describe('the instance name', () => {
  it('turns spaces to dashes and ends at the first other character', () => {
    assert.equal(toInstanceName('den pc'), 'den-pc');
    assert.equal(toInstanceName('box.example.org'), 'box');
    assert.equal(toInstanceName('büro'), 'b');
    assert.equal(toInstanceName('Ü'), 'Lumen');
    assert.equal(toInstanceName(''), 'Lumen');
  });

  it('is always a DNS label', () => {
    fc.assert(fc.property(fc.string(), (name) => assert.match(toInstanceName(name), /^[A-Za-z0-9-]{1,63}$/)));
    assert.equal(toInstanceName('a'.repeat(100)).length, 63);
  });
});

describe('the scope of the announcement', () => {
  it('is every interface for a wildcard address', () => {
    assert.deepEqual(resolveScope('0.0.0.0'), { kind: 'all' });
    assert.deepEqual(resolveScope('::'), { kind: 'all' });
  });

  it('is the interface of the address that is bound', () => {
    assert.deepEqual(resolveScope('127.0.0.1'), {
      kind: 'address',
      address: '127.0.0.1',
      interfaceName: 'lo',
    });
  });

  it('is nowhere for an address that no interface has', () => {
    assert.equal(resolveScope('192.0.2.250', {}).kind, 'none');
  });

  it('names all interfaces to the library where it would overlook one, and leaves it to itself elsewhere', () => {
    const info = (internal: boolean, family = 'IPv4') => [{ internal, family } as os.NetworkInterfaceInfo];
    const interfaces = { lo: info(true), eth0: info(false), 'eth0.7': info(false) };
    const isVlan = (name: string) => name.includes('.');
    const withBridgePort = { ...interfaces, 'eth0.7': info(false, 'IPv6') };
    assert.equal(toInterfaceNames({ kind: 'all' }, withBridgePort, isVlan), undefined);
    assert.deepEqual(toInterfaceNames({ kind: 'all' }, interfaces, isVlan), ['eth0', 'eth0.7']);
    assert.equal(
      toInterfaceNames({ kind: 'all' }, interfaces, () => false),
      undefined,
    );
    const scope = { kind: 'address', address: '192.0.2.1', interfaceName: 'eth0' } as const;
    assert.deepEqual(toInterfaceNames(scope, interfaces, isVlan), ['eth0']);
  });

  it('never fails the host', async () => {
    const options = { name: 'x', httpPort: 1, bindAddress: '203.0.113.9', logger: createSilentLogger() };
    const advertisement = advertise(options);
    assert.equal(await advertisement.announced, false);
    await advertisement.close();
  });
});

describe('an announcement on loopback', function () {
  this.timeout(10_000);

  it('answers a query with name and port, and says goodbye', async () => {
    const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
    socket.bind(PORT);
    await once(socket, 'listening');
    socket.addMembership(GROUP, '127.0.0.1');
    socket.setMulticastInterface('127.0.0.1');
    const next = async (accept: (packet: Buffer) => boolean): Promise<Buffer> => {
      for (;;) {
        const [packet] = (await once(socket, 'message')) as [Buffer];
        if (isResponse(packet) && accept(packet)) return packet;
      }
    };
    try {
      const name = `test ${process.pid}`;
      const ours = (packet: Buffer) => packet.includes(`test-${process.pid}`);
      const options = { name, httpPort: 0x3039, bindAddress: '127.0.0.1', logger: createSilentLogger() };
      const advertisement = advertise(options);
      assert.equal(await advertisement.announced, true);
      const answering = next(ours);
      socket.send(QUERY, PORT, GROUP);
      const answer = await answering;
      // SRV: priority 0, weight 0, port 0x3039, then the target's first label
      assert.ok(answer.includes(Buffer.concat([Buffer.from('000000003039', 'hex')])));
      assert.ok(answer.includes(Buffer.from([127, 0, 0, 1])));
      // goodbye: the PTR record again with a time to live of 0 (RFC 6762 §10.1): type, class, TTL
      const goodbye = next(
        (packet) => ours(packet) && packet.includes(Buffer.from('000c000100000000', 'hex')),
      );
      await advertisement.close();
      await goodbye;
    } finally {
      socket.close();
    }
  });
});
