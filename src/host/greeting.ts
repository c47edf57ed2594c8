/** What a person who started the host needs to read: where it is, what it streams with, how to pair. */
import os from 'node:os';
import type { Config } from '../config/config.js';
import { toUrlHost } from '../support/address.js';

/** The addresses that clients can type, for the bind address: one of them, or every global one of this machine. */
export const listAddresses = (
  bindAddress: string,
  interfaces: NodeJS.Dict<os.NetworkInterfaceInfo[]> = os.networkInterfaces(),
): string[] => {
  if (bindAddress !== '0.0.0.0' && bindAddress !== '::') return [bindAddress];
  return (
    Object.values(interfaces)
      .flatMap((infos) => infos ?? [])
      .filter((info) => !info.internal && (info.family === 'IPv4' || bindAddress === '::'))
      // Link-local addresses mean something only together with a network card.
      .filter((info) => !info.address.startsWith('fe80:'))
      .map((info) => info.address)
  );
};

const describeSource = ({ source, audioSource }: Config, capture: string): string => {
  const picture = source.target === undefined ? capture : `${capture} ${source.target}`;
  const sound = {
    auto: 'its sound',
    desktop: 'the sound of the desktop',
    test: 'a test tone',
    none: 'no sound',
    pulse: 'sound',
  }[audioSource.kind];
  return audioSource.kind === 'pulse'
    ? `${picture} with ${sound} of ${audioSource.device}`
    : `${picture} with ${sound}`;
};

/**
 * @param capture title of the back end that would be taken now
 * @param encoder the chosen stage and why, as `EncoderChoice.reason` says it
 */
export const formatGreeting = (config: Config, capture: string, encoder: string): string => {
  const addresses = listAddresses(config.bindAddress).map(
    (address) => `${toUrlHost(address)}:${config.port}`,
  );
  const portArgument = config.port === 47989 ? '' : ` --port ${config.port}`;
  return [
    `${config.name} at ${addresses.join(', ') || `port ${config.port}`}`,
    `Streams ${describeSource(config, capture)}.`,
    `Encoder: ${encoder}.`,
    `Pair with: choose ${config.name} in Moonlight (or add its address), then run: lumen pair PIN${portArgument}`,
  ].join('\n');
};
