/** `lumen clients list|remove` answered from the store of paired clients. */
import type { AdminReply, AdminRequest } from '../admin/messages.js';
import type { ClientStore, PairedClient } from '../identity/client-store.js';

type ClientsRequest = Extract<AdminRequest, { command: 'clients-list' | 'clients-remove' }>;

const describeClient = ({ fingerprint, name, pairedAt }: PairedClient): string =>
  `${fingerprint.slice(0, 16)}  ${pairedAt}  ${name}`;

/** Lists or removes; ending what a removed client streams is the caller's part. */
export const answerClientsRequest = (store: ClientStore, request: ClientsRequest): AdminReply => {
  if (request.command === 'clients-list') {
    const clients = store.list();
    const text = clients.length === 0 ? 'No client has paired yet.' : clients.map(describeClient).join('\n');
    const data = clients.map(({ fingerprint, name, pairedAt }) => ({ fingerprint, name, pairedAt }));
    return { ok: true, text, data };
  }
  const result = store.remove(request.client);
  if (!result.ok) return { ok: false, problem: result.reason, remedy: 'see: lumen clients list' };
  const { fingerprint, name } = result.client;
  return { ok: true, text: `Removed ${fingerprint.slice(0, 16)} (${name}). It must pair again to stream.` };
};
