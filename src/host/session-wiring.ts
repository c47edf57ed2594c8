/**
 * Connects a session with the protocol servers for the time between a launch or resume and its end: RTSP from the
 * launch on, pings with it (audio pings come before ANNOUNCE), control from ANNOUNCE on.
 */

import type { ClientMessage } from '../control/message.js';
import type { ControlCounters, ControlServer } from '../control/server.js';
import type { ControlPeer, ControlSession } from '../control/session.js';
import type { EndpointSession, EndpointWatcher } from '../endpoints/watcher.js';
import { InputSummary } from '../input/summary.js';
import type { RtspSession } from '../rtsp/handshake.js';
import type { Endpoint } from '../session/media-stream.js';
import { toFormat } from '../session/negotiate.js';
import type { Session } from '../session/session.js';
import type { StageTimes } from '../session/stage-times.js';
import type { StreamPlan, VideoFormat } from '../session/stream-plan.js';
import { runTask } from '../support/lifecycle.js';
import { toHdrMode } from './hdr-mode.js';
import { KeyFrameRequests } from './key-frame-requests.js';
import { type LossCounts, LossFeedback } from './loss-feedback.js';
import { toStreamWishes } from './stream-wishes.js';

/** The servers that sessions are attached to. */
export interface ProtocolServers {
  readonly control: ControlServer;
  readonly videoPings: EndpointWatcher;
  readonly audioPings: EndpointWatcher;
  /** Sessions that RTSP connections may belong to; shared with the RTSP server. */
  readonly rtspSessions: Set<RtspSession>;
  readonly ports: RtspSession['ports'];
  /** Whether a stream of this session's app and format can start: what keeps it from it, or undefined. */
  verifyMedia(session: Session, format: VideoFormat): Promise<string | undefined>;
  /** Body of the DESCRIBE reply for a client at this address. */
  describe(peerAddress: string): string;
  /** Streams follow the losses that their clients report. */
  readonly adaptsToLoss: boolean;
  /** The media plane's figures are logged for everybody, not only for debugging. */
  readonly logsStages: boolean;
}

/** What a client told us about its losses and how it was answered. */
export interface ConnectionCounts {
  /** Control messages taken and rejected, by reason; undefined before ANNOUNCE. */
  readonly control: Readonly<ControlCounters> | undefined;
  readonly keyFramesRequested: number;
  readonly keyFramesForced: number;
  /** Undefined before ANNOUNCE. */
  readonly loss: LossCounts | undefined;
  readonly input: Readonly<Record<string, number>>;
}

/** One launch or resume of a session, attached to the servers. */
export class SessionWiring {
  readonly #session: Session;
  readonly #servers: ProtocolServers;
  readonly #rtsp: RtspSession;
  readonly #control: ControlSession;
  readonly #videoEndpoint: EndpointSession;
  readonly #audioEndpoint: EndpointSession;
  readonly #input: InputSummary;
  #keyFrames: KeyFrameRequests | undefined;
  #peer: ControlPeer | undefined;
  /** Pings may come before ANNOUNCE: what they told is repeated to the session then. */
  #videoAt: Endpoint | undefined;
  #audioAt: Endpoint | undefined;
  #loss: LossFeedback | undefined;
  #isReleased = false;
  #isDetached = false;

  constructor(session: Session, servers: ProtocolServers) {
    this.#session = session;
    this.#servers = servers;
    this.#input = new InputSummary(session.logger, performance.now());
    this.#rtsp = this.#createRtspSession();
    this.#control = this.#createControlSession();
    this.#videoEndpoint = this.#createEndpoint(session.tokens.videoPingPayload, (endpoint) =>
      this.#onVideoEndpoint(endpoint),
    );
    this.#audioEndpoint = this.#createEndpoint(session.tokens.audioPingPayload, (endpoint) =>
      this.#onAudioEndpoint(endpoint),
    );
    servers.rtspSessions.add(this.#rtsp);
    servers.videoPings.add(this.#videoEndpoint);
    servers.audioPings.add(this.#audioEndpoint);
  }

  get counts(): ConnectionCounts {
    const { requested = 0, forced = 0 } = this.#keyFrames?.counts ?? {};
    return {
      control: this.#servers.control.countersOf(this.#control),
      keyFramesRequested: requested,
      keyFramesForced: forced,
      loss: this.#loss?.counts,
      input: this.#input.counts,
    };
  }

  /** Of the control connection, undefined while there is none. */
  get controlAddress(): string | undefined {
    return this.#peer?.address;
  }

  /** Milliseconds of the control connection, undefined while there is none. */
  get roundTripTimeMs(): number | undefined {
    return this.#peer?.roundTripTimeMs();
  }

  /** A numbered frame was dropped: the client is owed a key frame. */
  oweKeyFrame(): void {
    this.#keyFrames?.request();
  }

  /** The media plane's figures of the last second. */
  onStages(stages: StageTimes): void {
    this.#loss?.onStages(stages);
    if (stages.frames === 0) return;
    const { logger } = this.#session;
    const fields = { stages, loss: this.#loss?.counts };
    if (this.#servers.logsStages) logger.info(fields, 'stage times');
    else logger.debug(fields, 'stage times');
  }

  /** No further datagram or message of the client reaches the session; its last message can still leave. */
  detach(): void {
    if (this.#isDetached) return;
    this.#isDetached = true;
    this.#servers.rtspSessions.delete(this.#rtsp);
    this.#servers.videoPings.remove(this.#videoEndpoint);
    this.#servers.audioPings.remove(this.#audioEndpoint);
    this.#keyFrames?.stop();
    this.#input.end();
  }

  /**
   * Drops the control connection too. A client that had not connected yet is told `code` when it does: otherwise it
   * would only see the connection refused.
   */
  dropControl(code: number | undefined): void {
    if (code !== undefined && this.#peer === undefined)
      this.#servers.control.leaveTombstone(this.#control, code);
    this.#servers.control.removeSession(this.#control);
    this.#peer = undefined;
  }

  #createRtspSession(): RtspSession {
    const { connection, tokens } = this.#session;
    return {
      token: tokens.rtsp,
      riKey: connection.riKey,
      isEncrypted: connection.encryptsRtsp,
      peerAddress: connection.peerAddress,
      ports: this.#servers.ports,
      videoPingPayload: tokens.videoPingPayload,
      audioPingPayload: tokens.audioPingPayload,
      connectData: tokens.connectData,
      describeBody: () => this.#servers.describe(connection.peerAddress),
      announce: async (attributes, { hostHeader }) => {
        if (!attributes.encryptsControl)
          return { ok: false, status: 400, reason: 'control without encryption' };
        const wishes = toStreamWishes(attributes, hostHeader);
        const problem = await this.#servers.verifyMedia(this.#session, toFormat(wishes));
        if (problem !== undefined) return { ok: false, status: 503, reason: problem };
        // The session may have been resumed meanwhile: then it is another launch that may announce.
        if (this.#isDetached) return { ok: false, status: 454, reason: 'the launch was given up' };
        const outcome = this.#session.announce(wishes);
        if (!outcome.ok) return outcome;
        this.#attachControl(outcome.plan, attributes.sendsFecStatus);
        return { ok: true };
      },
      play: () => undefined,
    };
  }

  #attachControl({ video }: StreamPlan, reportsBlocks: boolean): void {
    this.#keyFrames = new KeyFrameRequests(video.fps, () => this.#session.forceKeyFrame());
    this.#loss = new LossFeedback({
      video,
      isAdaptive: this.#servers.adaptsToLoss,
      reportsBlocks,
      tune: (tuning) => this.#session.tune(tuning),
      logger: this.#session.logger,
    });
    this.#servers.control.addSession(this.#control);
    if (this.#audioAt !== undefined) this.#onAudioEndpoint(this.#audioAt);
    if (this.#videoAt !== undefined) this.#onVideoEndpoint(this.#videoAt);
  }

  #createControlSession(): ControlSession {
    const session = this.#session;
    return {
      connectData: session.tokens.connectData,
      peerAddress: session.connection.peerAddress,
      riKey: session.connection.riKey,
      get hasSessionId() {
        return session.plan?.hasSessionId ?? true;
      },
      get isV2() {
        return session.plan?.controlV2 ?? true;
      },
      onConnected: (peer) => {
        this.#peer = peer;
        if (session.plan !== undefined) peer.send(toHdrMode(session.plan.video));
        session.controlConnected(peer);
      },
      onMessage: (message) => this.#onMessage(message),
      onDisconnected: (reason) => {
        const peer = this.#peer;
        if (peer === undefined) return;
        runTask(session.logger, 'suspend session', () => session.controlLost(peer, reason));
      },
    };
  }

  #createEndpoint(pingPayload: string, onEndpoint: (endpoint: Endpoint) => void): EndpointSession {
    const session = this.#session;
    const controlAddress = (): string | undefined => this.controlAddress;
    return {
      pingPayload,
      peerAddress: session.connection.peerAddress,
      get hasSessionId() {
        return session.plan?.hasSessionId ?? true;
      },
      get controlAddress() {
        return controlAddress();
      },
      onEndpoint: (address, port) => onEndpoint({ address, port, sourceAddress: this.#sourceFor(address) }),
    };
  }

  /** Media must come from the address that the client reached: firewalls and NAT drop what comes from another. */
  #sourceFor(address: string): string {
    const { localAddress } = this.#session.connection;
    return localAddress.includes(':') === address.includes(':') ? localAddress : '';
  }

  /** The first endpoint releases the picture, which begins with a key frame; one that moved may have lost some. */
  #onVideoEndpoint(endpoint: Endpoint): void {
    this.#videoAt = endpoint;
    this.#session.setVideoEndpoint(endpoint);
    if (this.#session.media === undefined) return;
    if (this.#isReleased) this.#keyFrames?.request();
    else this.#keyFrames?.firstFrame();
    this.#isReleased = true;
  }

  #onAudioEndpoint(endpoint: Endpoint): void {
    this.#audioAt = endpoint;
    this.#session.setAudioEndpoint(endpoint);
  }

  /** Reference invalidation is not advertised; a client that asks for it all the same gets a key frame. */
  #onMessage(message: ClientMessage): void {
    switch (message.kind) {
      case 'requestIdr':
      case 'invalidateReferenceFrames':
        this.#keyFrames?.request();
        this.#loss?.takeKeyFrameRequest();
        break;
      case 'input':
        this.#input.take(message.packet, performance.now());
        break;
      case 'frameFecStatus':
      case 'lossStats':
        this.#loss?.take(message);
        break;
      default:
        break;
    }
  }
}
