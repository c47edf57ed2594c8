/** `lumen clients list|remove`: the paired clients; works beside a running host and without one. */
import type { Command } from 'commander';
import type { AdminReply, AdminRequest } from '../admin/messages.js';
import { ensurePrivateDir, resolvePaths } from '../config/paths.js';
import { answerClientsRequest } from '../host/client-requests.js';
import { ClientStore } from '../identity/client-store.js';
import { LumenError } from '../support/errors.js';
import { addPortOption, ask, show } from './admin.js';

type ClientsRequest = Extract<AdminRequest, { command: 'clients-list' | 'clients-remove' }>;

/** Without a host that runs, the file itself is read or changed. */
const askOrDo = async (port: number, request: ClientsRequest): Promise<AdminReply> => {
  try {
    return await ask(port, request);
  } catch (error) {
    if (!(error instanceof LumenError) || error.code !== 'LUMEN_CONTROL_SOCKET') throw error;
    const { stateDir } = resolvePaths();
    ensurePrivateDir(stateDir);
    return answerClientsRequest(new ClientStore(stateDir), request).reply;
  }
};

export const addClientsCommand = (program: Command): void => {
  const clients = program.command('clients').description('list or remove paired clients');
  const list = clients.command('list').description('list paired clients').option('--json', 'for machines');
  addPortOption(list).action(async (options: { port: number; json?: boolean }) => {
    const reply = await askOrDo(options.port, { command: 'clients-list' });
    show(reply.ok && options.json ? { ok: true, text: JSON.stringify(reply.data) } : reply);
  });
  const remove = clients
    .command('remove')
    .description('unpair a client; what it streams ends')
    .argument('<client>', 'name, fingerprint or the first 8 digits of it');
  addPortOption(remove).action(async (client: string, options: { port: number }) => {
    show(await askOrDo(options.port, { command: 'clients-remove', client }));
  });
};
