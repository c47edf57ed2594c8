/** `lumen clients list|remove|link` answered from the store of paired clients. */
import type { AdminReply, AdminRequest } from '../admin/messages.js';
import type { ChangeResult, ClientStore, PairedClient } from '../identity/client-store.js';
import { formatLinkRate } from '../support/link-rate.js';

/** The requests that the store alone answers. */
export type ClientsRequest = Extract<
  AdminRequest,
  { command: 'clients-list' | 'clients-remove' | 'clients-link' }
>;

export const isClientsRequest = (request: AdminRequest): request is ClientsRequest =>
  request.command === 'clients-list' ||
  request.command === 'clients-remove' ||
  request.command === 'clients-link';

const describeClient = ({ fingerprint, name, pairedAt, linkKbps }: PairedClient): string => {
  const link = linkKbps === undefined ? '' : `  link ${formatLinkRate(linkKbps)}`;
  return `${fingerprint.slice(0, 16)}  ${pairedAt}  ${name}${link}`;
};

const listClients = (store: ClientStore): AdminReply => {
  const clients = store.list();
  const text = clients.length === 0 ? 'No client has paired yet.' : clients.map(describeClient).join('\n');
  const data = clients.map(({ fingerprint, name, pairedAt, linkKbps }) => ({
    fingerprint,
    name,
    pairedAt,
    linkKbps: linkKbps ?? null,
  }));
  return { ok: true, text, data };
};

const toReply = (result: ChangeResult, describe: (client: PairedClient) => string): AdminReply =>
  result.ok
    ? { ok: true, text: describe(result.client) }
    : { ok: false, problem: result.reason, remedy: 'run: lumen clients list' };

const titleOf = ({ fingerprint, name }: PairedClient): string => `${fingerprint.slice(0, 16)} (${name})`;

/** Lists or changes; ending what a removed client streams is the caller's part. */
export const answerClientsRequest = (store: ClientStore, request: ClientsRequest): AdminReply => {
  switch (request.command) {
    case 'clients-list':
      return listClients(store);
    case 'clients-remove':
      return toReply(
        store.remove(request.client),
        (client) => `Removed ${titleOf(client)}. It must pair again to stream.`,
      );
    case 'clients-link':
      return toReply(store.setLink(request.client, request.linkKbps ?? undefined), (client) => {
        const link =
          client.linkKbps === undefined ? 'the setting link_kbps' : formatLinkRate(client.linkKbps);
        return `The link of ${titleOf(client)} is ${link} from its next stream on.`;
      });
  }
};
