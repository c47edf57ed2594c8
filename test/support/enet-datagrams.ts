/** ENet datagrams by hand, for what ENet itself would never send. Source: `protocol/control.md` §1.1. */
import dgram from 'node:dgram';
import { once } from 'node:events';

export interface ConnectOptions {
  /** Where it is sent from; 127.0.0.0/8. */
  readonly address: string;
  /** Connect data, unsigned 32 bit. */
  readonly data: number;
  /** Whether the header has the time, as ENet's has; true by default. */
  readonly hasSentTime?: boolean;
}

/** A CONNECT for 48 channels from a peer without id. */
export const formatConnect = (data: number, hasSentTime = true): Buffer => {
  const header = Buffer.from(hasSentTime ? '8fff0001' : '0fff', 'hex');
  const command = Buffer.alloc(48);
  command.set([0x82, 0xff, 0x00, 0x01, 0x00, 0x00, 0xff, 0xff]);
  [900, 32_768, 48, 0, 0, 5000, 2, 2, 0x1234_5678].forEach((value, index) => {
    command.writeUInt32BE(value, 8 + 4 * index);
  });
  command.writeUInt32BE(data, 44);
  return Buffer.concat([header, command]);
};

const PEER_HEADER_TIME = 0x8000;
const SESSION_SHIFT = 12;

/** What names the first peer of a host, with the two bits of its session. */
const formatPeerHeader = (session: number): Buffer => {
  const header = Buffer.from('00000001', 'hex');
  header.writeUInt16BE(PEER_HEADER_TIME | (session << SESSION_SHIFT), 0);
  return header;
};

/** A reliable message on channel 0 from the first peer. @param session 0–3 */
export const formatReliable = (packet: Buffer, session: number): Buffer => {
  const command = Buffer.from('860000640000', 'hex');
  command.writeUInt16BE(packet.length, 4);
  return Buffer.concat([formatPeerHeader(session), command, packet]);
};

/** ENet's own ping from the first peer. */
export const formatPing = (): Buffer => Buffer.concat([formatPeerHeader(0), Buffer.from('85ff0065', 'hex')]);

/** A command that ENet does not have, from the first peer. @param number 13–15 */
export const formatUnknown = (number: number): Buffer =>
  Buffer.concat([formatPeerHeader(0), Buffer.from([0x80 | number, 0xff, 0x00, 0x66])]);

/** Sends a datagram to 127.0.0.1 from an address of 127.0.0.0/8. */
export const sendDatagram = async (port: number, from: string, datagram: Buffer): Promise<void> => {
  const socket = dgram.createSocket('udp4');
  socket.bind(0, from);
  await once(socket, 'listening');
  await new Promise((resolve) => socket.send(datagram, port, '127.0.0.1', resolve));
  socket.close();
};

/** Sends a CONNECT to 127.0.0.1. */
export const sendConnect = (port: number, options: ConnectOptions): Promise<void> =>
  sendDatagram(port, options.address, formatConnect(options.data, options.hasSentTime));
