/** `lumen status`: what the running host is doing. */
import type { Command } from 'commander';
import { addPortOption, ask, show } from './admin.js';

export const addStatusCommand = (program: Command): void => {
  const command = program
    .command('status')
    .description('show sessions, stage times and counters of the running host')
    .option('--json', 'for machines');
  addPortOption(command).action(async (options: { port?: number; json?: boolean }) => {
    const reply = await ask(options.port, { command: 'status' });
    show(reply.ok && options.json ? { ok: true, text: JSON.stringify(reply.data) } : reply);
  });
};
