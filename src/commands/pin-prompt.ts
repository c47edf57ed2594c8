/** Asks for pairing PINs at the terminal that `lumen serve` runs on. */
import { createInterface, type Interface } from 'node:readline';
import { submitPin } from '../host/pairing-requests.js';
import type { PairingDesk, WaitingClient } from '../nvhttp/pairing.js';
import { runTask } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';

/** The question: of one client its PIN, of several also which of them shows it. */
export const formatPinPrompt = (waiting: readonly WaitingClient[]): string => {
  const addresses = waiting.map(({ peerAddress }) => peerAddress).join(', ');
  return waiting.length === 1
    ? `A client at ${addresses} wants to pair. PIN it shows: `
    : `Clients at ${addresses} want to pair. PIN and ADDRESS of yours: `;
};

/**
 * Reads lines of the terminal as `PIN` or `PIN ADDRESS` for as long as the host runs.
 * @returns close it to give the terminal back
 */
export const askForPins = (pairing: PairingDesk, logger: Logger): Interface => {
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: '' });
  pairing.onWaiting(() => {
    lines.setPrompt(formatPinPrompt(pairing.waitingClients));
    // What is typed already stays: somebody who starts to wait must not wipe a PIN.
    lines.prompt(true);
  });
  const submit = async (pin: string, address: string | undefined): Promise<void> => {
    const reply = await submitPin(pairing, pin, address);
    process.stdout.write(reply.ok ? `${reply.text}\n` : `${reply.problem}.\nTry: ${reply.remedy}\n`);
  };
  lines.on('line', (line) => {
    const [pin = '', address] = line.trim().split(/\s+/);
    if (pin !== '') runTask(logger, 'hand in PIN', () => submit(pin, address));
  });
  // In raw mode Ctrl-C reaches readline and not the process.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  return lines;
};
