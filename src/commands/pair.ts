/** `lumen pair`: hands the PIN that a client shows to the running host, and manages the clients that wait for one. */
import { type Command, InvalidArgumentError } from 'commander';
import type { AdminRequest } from '../admin/messages.js';
import { PIN_PATTERN } from '../nvhttp/pairing-crypto.js';
import { LumenError } from '../support/errors.js';
import { addPortOption, ask, show } from './admin.js';

interface PairOptions {
  readonly port?: number;
  readonly list?: boolean;
  readonly refuse?: string;
}

const parsePin = (text: string): string => {
  if (!PIN_PATTERN.test(text)) throw new InvalidArgumentError('A PIN has four digits.');
  return text;
};

/**
 * What the host is asked for.
 * @throws LumenError LUMEN_USAGE unless exactly one of PIN, --list and --refuse is there
 */
export const toPairRequest = (
  pin: string | undefined,
  address: string | undefined,
  { list = false, refuse }: Pick<PairOptions, 'list' | 'refuse'>,
): AdminRequest => {
  if ([pin !== undefined, list, refuse !== undefined].filter(Boolean).length !== 1) {
    const problem = 'lumen pair takes one of: PIN, --list, --refuse ADDRESS';
    throw new LumenError('LUMEN_USAGE', { problem });
  }
  if (list) return { command: 'pair-list' };
  if (refuse !== undefined) return { command: 'pair-refuse', address: refuse };
  return { command: 'pair', pin: pin ?? '', ...(address === undefined ? {} : { address }) };
};

export const addPairCommand = (program: Command): void => {
  const command = program
    .command('pair')
    .description('confirm a pairing with the four digits that the client shows')
    .argument('[pin]', 'four digits', parsePin)
    .argument('[address]', 'address of the client, where more than one waits')
    .option('--list', 'list the clients that wait for their PIN')
    .option('--refuse <address>', 'turn a waiting client away');
  addPortOption(command).action(
    async (pin: string | undefined, address: string | undefined, options: PairOptions) => {
      show(await ask(options.port, toPairRequest(pin, address, options)));
    },
  );
};
