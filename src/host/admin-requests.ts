/** What the administration socket is asked: each request is answered by the part that knows. */
import type { AdminReply, AdminRequest } from '../admin/messages.js';
import type { AppConfig } from '../config/app-settings.js';
import type { ClientStore } from '../identity/client-store.js';
import type { PairingDesk } from '../nvhttp/pairing.js';
import { answerClientsRequest, isClientsRequest } from './client-requests.js';
import type { LiveSessions } from './live-sessions.js';
import { answerPairingRequest } from './pairing-requests.js';
import type { HostStatus } from './status.js';

export interface AdminParts {
  readonly pairing: PairingDesk;
  readonly clients: ClientStore;
  readonly sessions: LiveSessions;
  readonly status: HostStatus;
  readonly apps: readonly AppConfig[];
}

export const createAdminHandler =
  ({ pairing, clients, sessions, status, apps }: AdminParts) =>
  async (request: AdminRequest): Promise<AdminReply> => {
    if (request.command === 'status') return status.report(sessions.views(apps), pairing.waitingClients);
    if (!isClientsRequest(request)) return answerPairingRequest(pairing, request);
    const reply = answerClientsRequest(clients, request);
    // Another host of this user may have been asked first, and may have removed the client from the list of both.
    await sessions.end('client-removed', (session) => !clients.has(session.clientFingerprint));
    return reply;
  };
