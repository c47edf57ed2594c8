/** Asks for pairing PINs at the terminal that `lumen serve` runs on. */
import { createInterface, type Interface } from 'node:readline';
import { submitPin } from '../host/host.js';
import type { PairingDesk } from '../nvhttp/pairing.js';
import { runTask } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';

/**
 * Reads lines of the terminal as PINs for as long as the host runs.
 * @returns close it to give the terminal back
 */
export const askForPins = (pairing: PairingDesk, logger: Logger): Interface => {
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: '' });
  pairing.onWaiting(({ peerAddress }) => {
    lines.setPrompt(`A client at ${peerAddress} wants to pair. PIN it shows: `);
    lines.prompt();
  });
  const submit = async (pin: string): Promise<void> => {
    const reply = await submitPin(pairing, pin);
    process.stdout.write(reply.ok ? `${reply.text}\n` : `${reply.problem}.\nTry: ${reply.remedy}\n`);
  };
  lines.on('line', (line) => {
    const pin = line.trim();
    if (pin !== '') runTask(logger, 'hand in PIN', () => submit(pin));
  });
  // In raw mode Ctrl-C reaches readline and not the process.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  return lines;
};
