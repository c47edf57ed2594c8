/** What a session finds outside: the owner's settings, its deadlines, the media side, and who hears of it. */
import type { ClientStore } from '../identity/client-store.js';
import type { SessionContext } from '../session/session.js';
import { encryptionFor, type HostContext } from './host-context.js';
import type { HostMedia } from './host-media.js';
import type { LiveSessions } from './live-sessions.js';

const HANDSHAKE_MS = 15_000;
const CONNECT_MS = 10_000;

export const createSessionContext = (
  { config, logger }: HostContext,
  media: HostMedia,
  clients: ClientStore,
  { events }: LiveSessions,
): SessionContext => ({
  ...events,
  capabilities: (appId) => media.capabilitiesOf(appId),
  settingsFor: (client, peerAddress) => ({
    fecPercentage: config.fecPercentage,
    linkKbps: clients.linkKbps(client) ?? config.linkKbps,
    requiresEncryption: encryptionFor(config, peerAddress) === 'required',
  }),
  deadlines: {
    handshakeMs: HANDSHAKE_MS,
    connectMs: CONNECT_MS,
    suspendMs: config.suspendMinutes * 60_000,
  },
  logger,
  createMediaStream: (plan, streamEvents, session) => media.createStream(plan, streamEvents, session),
  onFinished: (session) => {
    media.release(session);
    events.onFinished(session);
  },
});
