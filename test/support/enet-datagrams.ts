/** ENet datagrams by hand, for what libenet itself would never send. Source: `protocol/control.md` §1.1. */
import dgram from 'node:dgram';
import { once } from 'node:events';

export interface ConnectOptions {
  /** Where it is sent from; 127.0.0.0/8. */
  readonly address: string;
  /** Connect data, unsigned 32 bit. */
  readonly data: number;
  /** Whether the header has the time, as libenet's has; true by default. */
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

/** Sends a CONNECT to 127.0.0.1. */
export const sendConnect = async (port: number, options: ConnectOptions): Promise<void> => {
  const socket = dgram.createSocket('udp4');
  socket.bind(0, options.address);
  await once(socket, 'listening');
  await new Promise((resolve) =>
    socket.send(formatConnect(options.data, options.hasSentTime), port, '127.0.0.1', resolve),
  );
  socket.close();
};
