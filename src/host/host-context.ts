/** What the parts of a host are made with. */
import type { Config } from '../config/config.js';
import type { LumenPaths } from '../config/paths.js';
import { PORT_OFFSET, type PortUse } from '../config/ports.js';
import type { EncryptionPolicy } from '../config/settings.js';
import { isLanAddress } from '../support/address.js';
import { toBindError } from '../support/bind-error.js';
import type { Closers } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';

export interface HostContext {
  readonly config: Config;
  readonly paths: LumenPaths;
  readonly logger: Logger;
  /** Who makes a part that must be closed adds its closer. */
  readonly closers: Closers;
}

export const portOf = ({ port }: Pick<Config, 'port'>, use: PortUse): number => port + PORT_OFFSET[use];

/** What is asked of a client at this address. */
export const encryptionFor = (
  { encryptionLan, encryptionWan }: Pick<Config, 'encryptionLan' | 'encryptionWan'>,
  peerAddress: string,
): EncryptionPolicy => (isLanAddress(peerAddress) ? encryptionLan : encryptionWan);

/** For people, where a port cannot be opened. */
const PORT_NAMES = {
  video: 'UDP video',
  audio: 'UDP audio',
  control: 'UDP control',
  rtsp: 'TCP RTSP',
} as const satisfies Partial<Record<PortUse, string>>;

/**
 * Opens a port of the host.
 * @throws LumenError LUMEN_PORT_BUSY, LUMEN_BIND_FAILED
 */
export const openPort = async <T>(
  { bindAddress: address, ...config }: Config,
  use: keyof typeof PORT_NAMES,
  open: (where: { readonly address: string; readonly port: number }) => T | Promise<T>,
): Promise<T> => {
  const port = portOf(config, use);
  try {
    return await open({ address, port });
  } catch (error) {
    throw toBindError(error, { port, use: PORT_NAMES[use], address });
  }
};
