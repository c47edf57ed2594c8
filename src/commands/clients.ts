/** `lumen clients list|remove|link`: the paired clients; works beside a running host and without one. */
import { type Command, InvalidArgumentError } from 'commander';
import type { AdminReply } from '../admin/messages.js';
import { ensurePrivateDir, resolvePaths } from '../config/paths.js';
import { answerClientsRequest, type ClientsRequest } from '../host/client-requests.js';
import { ClientStore } from '../identity/client-store.js';
import { LINK_RATE_WORDS, parseLinkRate } from '../support/link-rate.js';
import { addPortOption, ask, askEvery, isUnanswered, show } from './admin.js';

/** Without a host that runs, the file itself is read or changed. */
const answerFromFile = (request: ClientsRequest): AdminReply => {
  const { stateDir } = resolvePaths();
  ensurePrivateDir(stateDir);
  return answerClientsRequest(new ClientStore(stateDir), request);
};

/** The list is one for every host of this user: whichever answers will do, or the file. */
const askOne = async (port: number | undefined, request: ClientsRequest): Promise<AdminReply> => {
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

/** A rate in kbit/s, or null for `default`. */
const linkRate = (text: string): number | null => {
  const kbps = text === 'default' ? null : parseLinkRate(text);
  if (kbps === undefined) throw new InvalidArgumentError(`Expected ${LINK_RATE_WORDS}, or default.`);
  return kbps;
};

export const addClientsCommand = (program: Command): void => {
  const clients = program.command('clients').description('list, remove or set up paired clients');
  const listing = clients.command('list').description('list paired clients').option('--json', 'for machines');
  addPortOption(listing).action(async (options: { port?: number; json?: boolean }) => {
    const reply = await askOne(options.port, { command: 'clients-list' });
    show(reply.ok && options.json ? { ok: true, text: JSON.stringify(reply.data) } : reply);
  });
  const removal = clients
    .command('remove')
    .description('unpair a client; what it streams ends, on every host that runs')
    .argument('<client>', 'name, fingerprint or the first 8 digits of it');
  addPortOption(removal).action(async (client: string, options: { port?: number }) => {
    show(await removeClient(options.port, client));
  });
  const link = clients
    .command('link')
    .description('set how fast the link to a client is; counts from its next stream on')
    .argument('<client>', 'name, fingerprint or the first 8 digits of it')
    .argument(
      '<rate>',
      `${LINK_RATE_WORDS}; of a port's speed four fifths count; default: as the setting link_kbps`,
      linkRate,
    );
  addPortOption(link).action(async (client: string, linkKbps: number | null, options: { port?: number }) => {
    show(await askOne(options.port, { command: 'clients-link', client, linkKbps }));
  });
};
