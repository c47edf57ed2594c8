/** The recorded control messages of `test/fixtures/control-messages.json` as ENet payloads with their plaintexts. */
import { readFileSync } from 'node:fs';

export interface ControlVector {
  readonly from: 'client' | 'host';
  readonly key: Buffer;
  readonly sequence: number;
  readonly plaintext: Buffer;
  /** The whole ENet payload. */
  readonly packet: Buffer;
}

interface Recorded {
  readonly dir: string;
  readonly iv: string;
  readonly tag: string;
  readonly plaintext: string;
  readonly ciphertext: string;
  readonly enet_payload?: string;
}

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');

const assemble = (recorded: Recorded): Buffer => {
  const body = Buffer.from(recorded.tag + recorded.ciphertext, 'hex');
  const head = Buffer.alloc(8);
  head.writeUInt16LE(0x0001, 0);
  head.writeUInt16LE(body.length + 4, 2);
  Buffer.from(recorded.iv, 'hex').copy(head, 4, 0, 4);
  return Buffer.concat([head, body]);
};

export const loadControlVectors = (): readonly ControlVector[] => {
  const file = new URL('../../../test/fixtures/control-messages.json', import.meta.url);
  const { messages } = JSON.parse(readFileSync(file, 'utf8')) as { messages: Recorded[] };
  return messages.map((recorded) => ({
    from: recorded.dir === 'client->host' ? 'client' : 'host',
    key: KEY,
    sequence: Buffer.from(recorded.iv, 'hex').readUInt32LE(0),
    plaintext: Buffer.from(recorded.plaintext, 'hex'),
    packet:
      recorded.enet_payload === undefined ? assemble(recorded) : Buffer.from(recorded.enet_payload, 'hex'),
  }));
};
