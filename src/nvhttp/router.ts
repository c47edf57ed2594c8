/** Which request gets which answer (`protocol/http.md` §4). Knows no socket: listeners hand in what they learnt of one. */
import type { ClientStore } from '../identity/client-store.js';
import type { HostIdentity } from '../identity/host-identity.js';
import { hasFormat } from '../session/stream-plan.js';
import { withDeadline } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import { type LaunchVerb, parseLaunchRequest } from './launch-request.js';
import { confirmPairing, type PairingDesk } from './pairing.js';
import { createPlaceholderPng } from './placeholder-art.js';
import { parseInteger, parseQuery, type Query, splitTarget } from './query.js';
import { formatServerInfo } from './server-info.js';
import type { ClientConnection, StreamingHost } from './streaming-host.js';
import { errorReply, okReply, type XmlReply, xmlElement } from './xml.js';

/** What the endpoints work with. */
export interface RouterParts {
  readonly identity: HostIdentity;
  readonly clients: ClientStore;
  readonly pairing: PairingDesk;
  readonly host: StreamingHost;
  readonly logger: Logger;
  /** The ports that are listened on. */
  readonly ports: () => { readonly httpPort: number; readonly httpsPort: number };
}

/** A request and its connection. */
export interface NvRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly target: string;
  readonly peerAddress: string;
  readonly localAddress: string;
  /** Aborted when the connection closes before the answer. */
  readonly signal: AbortSignal;
  /** HTTP or HTTPS, and over HTTPS the presented certificate's fingerprint (null for none). */
  readonly transport:
    | { readonly kind: 'http' }
    | { readonly kind: 'https'; readonly fingerprint: string | null };
}

export type NvReply =
  | { readonly kind: 'xml'; readonly reply: XmlReply }
  | { readonly kind: 'png'; readonly bytes: Buffer };

/** How requests were judged, for the counters. */
export type RequestVerdict = 'answered' | 'unauthorised' | 'malformed' | 'failed';

/** Stock clients wait at least 60 s for a launch; a host that takes half of that will not make it. */
const HOST_DEADLINE_MS = 30_000;
const MAX_ECHOED_PATH = 128;
const UNAUTHORISED = 'The client is not authorized. Certificate verification failed.';

const flagName = (verb: LaunchVerb): string => (verb === 'launch' ? 'gamesession' : 'resume');

/** Answers requests. */
export class Router {
  readonly #parts: RouterParts;
  #placeholder: Buffer | undefined;

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  /** Never rejects: what goes wrong underneath is logged and answered. */
  async answer(request: NvRequest): Promise<{ readonly reply: NvReply; readonly verdict: RequestVerdict }> {
    const { path, queryText } = splitTarget(request.target);
    const shownPath = path.slice(0, MAX_ECHOED_PATH);
    const xml = (reply: XmlReply, verdict: RequestVerdict) => ({
      reply: { kind: 'xml', reply } as const,
      verdict,
    });
    const { transport } = request;
    if (transport.kind === 'https' && !this.#isPaired(transport.fingerprint)) {
      return xml({ ...errorReply(401, UNAUTHORISED), path: shownPath }, 'unauthorised');
    }
    if (request.method !== 'GET') return xml(errorReply(405, 'Only GET is understood'), 'malformed');
    const parsed = parseQuery(queryText);
    if (!parsed.ok) return xml(errorReply(400, `The request is malformed: ${parsed.reason}`), 'malformed');
    try {
      const reply =
        transport.kind === 'https' && transport.fingerprint !== null
          ? await this.#answerClient(path, parsed.query, {
              clientFingerprint: transport.fingerprint,
              peerAddress: request.peerAddress,
              localAddress: request.localAddress,
            })
          : await this.#answerStranger(path, parsed.query, request);
      if (reply !== undefined) return { reply, verdict: 'answered' };
      return xml({ ...errorReply(404, 'There is no such endpoint'), path: shownPath }, 'malformed');
    } catch (error) {
      this.#parts.logger.error({ err: error, path: shownPath }, 'a request failed');
      return xml(errorReply(503, 'The host failed to answer; its log says why'), 'failed');
    }
  }

  #isPaired(fingerprint: string | null): boolean {
    return fingerprint !== null && this.#parts.clients.has(fingerprint);
  }

  /* HTTP: nobody is known here, so nothing of a client is shown or changed. */
  async #answerStranger(path: string, query: Query, request: NvRequest): Promise<NvReply | undefined> {
    switch (path) {
      case '/serverinfo':
        return this.#serverInfo(request.localAddress, null);
      case '/pair':
        return { kind: 'xml', reply: await this.#parts.pairing.handle({ ...request, query }) };
      case '/unpair':
        this.#parts.pairing.abandon(query, request.peerAddress);
        return { kind: 'xml', reply: okReply() };
      default:
        return undefined;
    }
  }

  async #answerClient(
    path: string,
    query: Query,
    connection: ClientConnection,
  ): Promise<NvReply | undefined> {
    const { host, clients } = this.#parts;
    const { clientFingerprint } = connection;
    switch (path) {
      case '/serverinfo':
        return this.#serverInfo(connection.localAddress, { runningApp: host.runningApp(clientFingerprint) });
      case '/pair':
        return { kind: 'xml', reply: confirmPairing(query) };
      case '/unpair':
        clients.remove(clientFingerprint);
        await this.#cancel(clientFingerprint);
        return { kind: 'xml', reply: okReply() };
      case '/applist':
        return { kind: 'xml', reply: this.#appList() };
      case '/appasset':
        return this.#appAsset(query);
      case '/launch':
        return { kind: 'xml', reply: await this.#launch('launch', query, connection) };
      case '/resume':
        return { kind: 'xml', reply: await this.#launch('resume', query, connection) };
      case '/cancel':
        return { kind: 'xml', reply: await this.#cancel(clientFingerprint) };
      default:
        return undefined;
    }
  }

  #serverInfo(localAddress: string, client: { readonly runningApp: number } | null): NvReply {
    const { host, identity, ports } = this.#parts;
    const context = { uniqueId: identity.uniqueId, ...ports(), localAddress, client };
    return { kind: 'xml', reply: formatServerInfo(host.describe(), context) };
  }

  #appList(): XmlReply {
    const { host } = this.#parts;
    // Clients take it for "can stream in ten bits": what an app draws is not known before it runs.
    const isHdrSupported = hasFormat(host.describe().videoFormats, { bitDepth: 10 });
    const apps = host
      .apps()
      .map(({ id, title }) =>
        xmlElement('App', [
          xmlElement('IsHdrSupported', isHdrSupported ? 1 : 0),
          xmlElement('AppTitle', title),
          xmlElement('ID', id),
        ]),
      );
    return okReply(...apps);
  }

  async #appAsset(query: Query): Promise<NvReply> {
    const { host } = this.#parts;
    const appId = parseInteger(query.get('appid') ?? '', 1, 0x7fff_ffff);
    if (appId === undefined || !host.apps().some((app) => app.id === appId)) {
      return { kind: 'xml', reply: errorReply(404, 'There is no such app') };
    }
    const art = await host.boxArt(appId);
    this.#placeholder ??= createPlaceholderPng();
    return { kind: 'png', bytes: art ?? this.#placeholder };
  }

  async #launch(verb: LaunchVerb, query: Query, connection: ClientConnection): Promise<XmlReply> {
    const { host, logger } = this.#parts;
    const refuse = (status: number, message: string) =>
      errorReply(status, message, xmlElement(flagName(verb), 0));
    const { peerAddress } = connection;
    const refuseLoudly = (status: number, reason: string): XmlReply => {
      logger.warn({ peerAddress, verb, reason }, 'a launch was refused');
      return refuse(status, reason);
    };
    const parsed = parseLaunchRequest(verb, query);
    if (!parsed.ok) return refuseLoudly(parsed.statusCode, parsed.message);
    const { request } = parsed;
    if (verb === 'launch' && !host.apps().some((app) => app.id === request.appId)) {
      return refuse(404, `This host has no app ${request.appId}; refresh the list of apps`);
    }
    const work = verb === 'launch' ? host.launch(request, connection) : host.resume(request, connection);
    const reply = await withDeadline(work, HOST_DEADLINE_MS, verb);
    if (!reply.ok) return refuseLoudly(reply.statusCode, reply.message);
    logger.debug({ peerAddress, verb, mode: request.mode }, 'a launch was accepted');
    return okReply(xmlElement('sessionUrl0', reply.sessionUrl), xmlElement(flagName(verb), 1));
  }

  async #cancel(clientFingerprint: string): Promise<XmlReply> {
    const work = this.#parts.host.cancel(clientFingerprint);
    const isCancelled = await withDeadline(work, HOST_DEADLINE_MS, 'cancel');
    return okReply(xmlElement('cancel', isCancelled ? 1 : 0));
  }
}
