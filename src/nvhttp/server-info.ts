/** The body of `/serverinfo` (`protocol/http.md` §5). Pure. */
import net from 'node:net';
import { NO_MAC } from './address.js';
import { codecModeSupport, maxLumaPixelsHevc } from './codec-modes.js';
import type { HostDescription } from './streaming-host.js';
import { okReply, type XmlReply, xmlElement } from './xml.js';

/** Protocol generation; the −1 says that this is not NVIDIA's own host. A higher one means another frame header. */
export const APP_VERSION = '7.1.431.-1';
/** The highest version that stock clients accept without asking the user to update. */
const GFE_VERSION = '3.23.0.74';

/** What the listener knows of the request and of itself. */
export interface ServerInfoContext {
  readonly uniqueId: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Local address of the connection. */
  readonly localAddress: string;
  /** The paired client behind an HTTPS connection, with the app it runs (0 for none); null over HTTP. */
  readonly client: { readonly runningApp: number } | null;
}

/**
 * Over HTTP nobody is known, so the host is always free, unpaired and without MAC. Over HTTPS `state` speaks of the
 * asking client alone: another client's game is none of its business and must not keep it from launching.
 */
export const formatServerInfo = (host: HostDescription, context: ServerInfoContext): XmlReply => {
  const runningApp = context.client?.runningApp ?? 0;
  return okReply(
    xmlElement('hostname', host.hostname),
    xmlElement('appversion', APP_VERSION),
    xmlElement('GfeVersion', GFE_VERSION),
    xmlElement('uniqueid', context.uniqueId),
    xmlElement('HttpsPort', context.httpsPort),
    xmlElement('ExternalPort', context.httpPort),
    xmlElement('MaxLumaPixelsHEVC', maxLumaPixelsHevc(host.videoFormats)),
    xmlElement('mac', context.client === null ? NO_MAC : host.macFor(context.localAddress)),
    // Clients store any IPv4 address but 127.* as the host's LAN address.
    xmlElement('LocalIP', net.isIPv4(context.localAddress) ? context.localAddress : '127.0.0.1'),
    xmlElement('ServerCodecModeSupport', codecModeSupport(host.videoFormats)),
    xmlElement('PairStatus', context.client === null ? 0 : 1),
    xmlElement('currentgame', runningApp),
    // Third-party clients compare the whole word, so the prefix is the one they know.
    xmlElement('state', runningApp === 0 ? 'SUNSHINE_SERVER_FREE' : 'SUNSHINE_SERVER_BUSY'),
  );
};
