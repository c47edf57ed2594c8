/** `lumen clients list|remove`: the paired clients; works beside a running host and without one. */
import type { Command } from 'commander';
import type { AdminReply, AdminRequest } from '../admin/messages.js';
import { ensurePrivateDir, resolvePaths } from '../config/paths.js';
import { answerClientsRequest } from '../host/client-requests.js';
import { ClientStore } from '../identity/client-store.js';
import { addPortOption, ask, askEvery, isUnanswered, show } from './admin.js';

type ClientsRequest = Extract<AdminRequest, { command: 'clients-list' | 'clients-remove' }>;

/** Without a host that runs, the file itself is read or changed. */
const answerFromFile = (request: ClientsRequest): AdminReply => {
  const { stateDir } = resolvePaths();
  ensurePrivateDir(stateDir);
  return answerClientsRequest(new ClientStore(stateDir), request);
};

const list = async (port: number | undefined): Promise<AdminReply> => {
  const request = { command: 'clients-list' } as const;
  try {
    return await ask(port, request);
  } catch (error) {
    if (!isUnanswered(error)) throw error;
    return answerFromFile(request);
  }
};

/**
 * Every host of this user is asked, whatever its port: each ends what it streams to a client that is paired no more.
 * They share the list, so that all but the first may find the client gone already.
 */
export const removeClient = async (port: number | undefined, client: string): Promise<AdminReply> => {
  const request = { command: 'clients-remove', client } as const;
  const replies = await askEvery(port, request);
  return replies.find((reply) => reply.ok) ?? replies[0] ?? answerFromFile(request);
};

export const addClientsCommand = (program: Command): void => {
  const clients = program.command('clients').description('list or remove paired clients');
  const listing = clients.command('list').description('list paired clients').option('--json', 'for machines');
  addPortOption(listing).action(async (options: { port?: number; json?: boolean }) => {
    const reply = await list(options.port);
    show(reply.ok && options.json ? { ok: true, text: JSON.stringify(reply.data) } : reply);
  });
  const removal = clients
    .command('remove')
    .description('unpair a client; what it streams ends, on every host that runs')
    .argument('<client>', 'name, fingerprint or the first 8 digits of it');
  addPortOption(removal).action(async (client: string, options: { port?: number }) => {
    show(await removeClient(options.port, client));
  });
};
