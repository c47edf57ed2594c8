/** `lumen pair PIN`: hands the PIN that a client shows to the running host. */
import type { Command } from 'commander';
import { addPortOption, ask, show } from './admin.js';

export const addPairCommand = (program: Command): void => {
  const command = program
    .command('pair')
    .description('confirm a pairing with the four digits that the client shows')
    .argument('<pin>', 'four digits');
  addPortOption(command).action(async (pin: string, options: { port: number }) => {
    show(await ask(options.port, { command: 'pair', pin }));
  });
};
