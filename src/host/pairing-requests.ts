/** `lumen pair` and the prompt of `lumen serve`: PINs handed in, and the clients that wait for one. */
import type { AdminReply, AdminRequest } from '../admin/messages.js';
import type { PairingDesk, WaitingClient } from '../nvhttp/pairing.js';
import { normaliseAddress } from '../support/address.js';

type PairingRequest = Extract<AdminRequest, { command: 'pair' | 'pair-list' | 'pair-refuse' }>;

/** How long a person waits for the verdict on a PIN; stock clients need a second. */
const PIN_OUTCOME_MS = 4000;
const AGAIN = 'start pairing in the client again and type the PIN that it shows';
const SEE_LIST = 'see who waits: lumen pair --list';

/** One line for each client: its address, and its name where it told one. */
export const formatWaiting = ({ peerAddress, name }: WaitingClient): string => `${peerAddress}  ${name}`;

/**
 * Hands a PIN in and waits until the client has used it, so that the person learns whether it was right.
 * @param address which client, where more than one waits
 */
export const submitPin = async (pairing: PairingDesk, pin: string, address?: string): Promise<AdminReply> => {
  const waitingCount = pairing.waitingClients.length;
  const result = pairing.submitPin(pin, address === undefined ? undefined : normaliseAddress(address));
  if (!result.ok) {
    const which = address === undefined ? 'add the address of the client that shows this PIN' : SEE_LIST;
    return { ok: false, problem: result.reason, remedy: waitingCount > 1 ? which : AGAIN };
  }
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, PIN_OUTCOME_MS, undefined).unref());
  const outcome = await Promise.race([result.outcome, late]);
  if (outcome === undefined) return { ok: true, text: `PIN handed to ${result.peerAddress}.` };
  if (!outcome.ok) return { ok: false, problem: outcome.reason, remedy: AGAIN };
  return {
    ok: true,
    text: `Paired with ${outcome.client.name} (${outcome.client.fingerprint.slice(0, 16)}).`,
  };
};

/** Answers what `lumen pair` asks. */
export const answerPairingRequest = async (
  pairing: PairingDesk,
  request: PairingRequest,
): Promise<AdminReply> => {
  switch (request.command) {
    case 'pair':
      return submitPin(pairing, request.pin, request.address);
    case 'pair-list': {
      const data = pairing.waitingClients;
      const text = data.length === 0 ? 'No client waits for a PIN.' : data.map(formatWaiting).join('\n');
      return { ok: true, text, data };
    }
    case 'pair-refuse': {
      const problem = pairing.refuse(normaliseAddress(request.address));
      if (problem !== undefined) return { ok: false, problem, remedy: SEE_LIST };
      return { ok: true, text: `Refused the client at ${request.address}.` };
    }
  }
};
