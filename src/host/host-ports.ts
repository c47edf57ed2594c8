/** The UDP ports of a host: control, and video and sound with the watch of what is pinged there. */
import { SEND_BUFFER_BYTES } from '../config/ports.js';
import { ControlServer } from '../control/server.js';
import { EndpointWatcher } from '../endpoints/watcher.js';
import { bindUdp } from '../support/sockets.js';
import { type HostContext, openPort } from './host-context.js';

const PING_BUFFER_BYTES = 256 * 1024;

/** A port that media processes send from. */
export interface MediaPort {
  readonly port: number;
  /** The watcher's; media processes inherit it. */
  readonly fd: number;
  readonly pings: EndpointWatcher;
}

export interface HostPorts {
  readonly control: ControlServer;
  readonly video: MediaPort;
  readonly audio: MediaPort;
}

const openMediaPort = async (
  { config, logger, closers }: HostContext,
  media: 'video' | 'audio',
): Promise<MediaPort> => {
  const bound = await openPort(config, media, (where) =>
    bindUdp({ ...where, sendBufferBytes: SEND_BUFFER_BYTES, receiveBufferBytes: PING_BUFFER_BYTES }),
  );
  const { fd, port, sendBufferBytes } = bound;
  logger.debug({ use: media, port, sendBufferBytes }, 'media port bound');
  const pings = await EndpointWatcher.open({
    fd,
    media,
    type: config.bindAddress.includes(':') ? 'udp6' : 'udp4',
    logger: logger.child({ module: 'endpoints' }),
  });
  closers.add(`${media} port`, () => pings.close());
  return { port, fd, pings };
};

/** @throws LumenError LUMEN_PORT_BUSY, LUMEN_BIND_FAILED */
export const openPorts = async (context: HostContext): Promise<HostPorts> => {
  const { config, logger, closers } = context;
  const control = await openPort(config, 'control', (where) =>
    ControlServer.listen({ ...where, logger: logger.child({ module: 'control' }) }),
  );
  closers.add('control port', () => control.close());
  const video = await openMediaPort(context, 'video');
  return { control, video, audio: await openMediaPort(context, 'audio') };
};
