/**
 * The client's half of the RTSP negotiation: seven requests, each on a connection of its own (`protocol/rtsp.md` §5).
 */
import { type AnnounceAttributes, formatAnnounce } from '../rtsp/announce.js';
import { openFrame, readFrame, sealFrame } from '../rtsp/cipher.js';
import { chooseLayout, type FoundDescription, type FoundLayout, parseDescription } from '../rtsp/describe.js';
import { formatRequest, parseReply } from '../rtsp/message.js';
import type { BitDepth, Chroma } from '../session/stream-plan.js';
import { parsePort, type SessionUrl } from './address.js';
import { stageError } from './host-info.js';
import { CHANNEL_MASKS, type Launch } from './launch.js';
import { ENCRYPT, PROBE_COLOR_SPACES, type ProbeCodec, type StreamOptions } from './options.js';
import type { MediaPort } from './receiver-graphs.js';
import { exchangeRtsp } from './rtsp-transport.js';

/** Constants of the stock client. */
const CLIENT_VERSION = '14';
const TRANSPORT: Header = ['Transport', 'unicast;X-GS-ClientPort=50000-50001'];
const SINCE: Header = ['If-Modified-Since', 'Thu, 01 Jan 1970 00:00:00 GMT'];
const DEFAULT_PORT = { audio: 48000, video: 47998, control: 47999 } as const;
const PING_PAYLOAD_BYTES = 16;
/** An encrypted video datagram is this much longer, so the shard becomes shorter. */
const VIDEO_ENCRYPTION_BYTES = 32;
/** From this figure on the client wants good sound, and says so by the address in `Host` (§4). */
const HIGH_QUALITY_AUDIO_KBPS = 15_000;
const MAX_LEGACY_KBPS = 100_000;
const MAX_REPLY_BYTES = 1024 * 1024;
const STATUS_OK = 200;

type Header = readonly [name: string, value: string];
type StreamKind = keyof typeof DEFAULT_PORT;

/** What both sides agreed before the streams were set up. */
export interface Agreement {
  readonly codec: ProbeCodec;
  readonly bitDepth: BitDepth;
  readonly chroma: Chroma;
  /** As announced: shortened where video is encrypted. */
  readonly packetSize: number;
  /** {@link ENCRYPT} bits. */
  readonly encryption: number;
  /** Also true where the client encrypts sound that the host did not offer to. */
  readonly isAudioEncrypted: boolean;
  /** Of what the host offers for the channels that are wanted. */
  readonly audioLayout: FoundLayout;
}

/** The outcome of the negotiation. */
export interface Negotiated extends Agreement {
  readonly video: MediaPort;
  readonly controlPort: number;
  readonly connectData: number;
}

/** A reply with status 200. */
interface Reply {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Counts for the life of the process, as the stock client does: the first number of a session is rarely 1. */
let lastSequence = 0;

/** Which encryption the client turns on (§5.2). @param wanted {@link ENCRYPT} bits that its user opted into */
export const agreeEncryption = (
  wanted: number,
  host: Pick<FoundDescription, 'encryptionSupported' | 'encryptionRequested'>,
): number => {
  const optional = ENCRYPT.video | ENCRYPT.audio;
  return (
    (host.encryptionSupported & wanted) | (host.encryptionRequested & host.encryptionSupported & optional)
  );
};

const agreeLayout = (
  { audioChannels, bitrateKbps }: Pick<StreamOptions, 'audioChannels' | 'bitrateKbps'>,
  { surroundParams }: FoundDescription,
): FoundLayout => {
  const layout = chooseLayout(surroundParams, audioChannels, bitrateKbps >= HIGH_QUALITY_AUDIO_KBPS);
  if (layout !== undefined) return layout;
  const problem = `the host does not say how it codes ${audioChannels} channels`;
  throw stageError('rtsp', `DESCRIBE: ${problem}`, 'ask for fewer: --channels 2');
};

/**
 * What is agreed, given what the client wants and what it found in the DESCRIBE reply. Depth and sampling of a codec that
 * is there are asked for as they are wanted, so that a host that lacks them can be seen to refuse.
 * @throws LumenError `LUMEN_PROBE_FAILED` where the host does not say how it codes 7.1
 */
export const agree = (
  options: Pick<
    StreamOptions,
    'codec' | 'bitDepth' | 'chroma' | 'packetSize' | 'encryption' | 'audioChannels' | 'bitrateKbps'
  >,
  host: FoundDescription,
): Agreement => {
  const encryption = agreeEncryption(options.encryption, host);
  const canDo = options.codec === 'h264' || (options.codec === 'hevc' ? host.canHevc : host.canAv1);
  const shortening = (encryption & ENCRYPT.video) === 0 ? 0 : VIDEO_ENCRYPTION_BYTES;
  return {
    codec: canDo ? options.codec : 'h264',
    bitDepth: canDo ? options.bitDepth : 8,
    chroma: canDo ? options.chroma : '420',
    packetSize: options.packetSize - shortening,
    encryption,
    isAudioEncrypted: ((encryption | options.encryption) & ENCRYPT.audio) !== 0,
    audioLayout: agreeLayout(options, host),
  };
};

/** `(colour space << 1) | full range`. */
const toCscMode = ({ colorSpace, fullRange }: Pick<StreamOptions, 'colorSpace' | 'fullRange'>): number =>
  (PROBE_COLOR_SPACES.indexOf(colorSpace) << 1) | Number(fullRange);

/** The ANNOUNCE of a client without reference invalidation. */
export const toAnnounce = (
  options: Pick<
    StreamOptions,
    | 'mode'
    | 'bitrateKbps'
    | 'slices'
    | 'references'
    | 'colorSpace'
    | 'fullRange'
    | 'audioChannels'
    | 'audioPacketDurationMs'
  >,
  agreement: Agreement,
): AnnounceAttributes => ({
  codec: agreement.codec,
  ...options.mode,
  packetSize: agreement.packetSize,
  configuredKbps: options.bitrateKbps,
  maximumKbps: Math.min(MAX_LEGACY_KBPS, Math.max(1, Math.floor(options.bitrateKbps * 0.8))),
  minFecPackets: 2,
  slices: options.slices,
  references: options.references,
  encoderCscMode: toCscMode(options),
  isTenBit: agreement.bitDepth === 10,
  isYuv444: agreement.chroma === '444',
  wantsVideoQos: true,
  wantsAudioQos: true,
  audioChannels: options.audioChannels,
  audioChannelMask: CHANNEL_MASKS[options.audioChannels],
  wantsSurroundHighQuality: agreement.audioLayout.isHighQuality,
  audioPacketDurationMs: options.audioPacketDurationMs,
  refreshRateX100: 0,
  encryptsControlV2: (agreement.encryption & ENCRYPT.control) !== 0,
  encryptsVideo: (agreement.encryption & ENCRYPT.video) !== 0,
  encryptsAudio: agreement.isAudioEncrypted,
  encryptsControl: true,
  hasSessionId: true,
  sendsFecStatus: true,
});

/** `server_port=N` of a Transport header, or the stream's usual port. */
export const readServerPort = (transport: string | undefined, kind: StreamKind): number => {
  const match = /server_port=(\d{1,5})/.exec(transport ?? '');
  return parsePort(match?.[1] ?? '') ?? DEFAULT_PORT[kind];
};

/** A ping payload of exactly 16 bytes; anything else means legacy pings. */
export const readPingPayload = (value: string | undefined): string | null =>
  value !== undefined && Buffer.byteLength(value) === PING_PAYLOAD_BYTES ? value : null;

/** Connect data, decimal or hexadecimal; 0 when it is absent or out of range. */
export const readConnectData = (value: string | undefined): number => {
  const number = value !== undefined && /^(?:0x[0-9a-f]{1,8}|\d{1,10})$/i.test(value) ? Number(value) : 0;
  return number <= 0xffff_ffff ? number : 0;
};

/** One negotiation. */
class RtspClient {
  readonly #options: StreamOptions;
  readonly #launch: Launch;
  readonly #address: string;
  readonly #target: string;
  readonly #hostHeader: string;
  #cseq = 0;
  #session: string | undefined;

  constructor(options: StreamOptions, launch: Launch, address: string) {
    this.#options = options;
    this.#launch = launch;
    this.#address = address;
    const url: SessionUrl = launch.sessionUrl;
    const wantsGoodSound = options.bitrateKbps >= HIGH_QUALITY_AUDIO_KBPS;
    this.#target = wantsGoodSound ? url.url : `rtsp://0.0.0.0:${url.port}`;
    this.#hostHeader = wantsGoodSound ? url.hostText : '0.0.0.0';
  }

  async run(onAudio: (agreement: Agreement, audio: MediaPort) => void): Promise<Negotiated> {
    await this.#send('OPTIONS', this.#target, []);
    const described = await this.#send('DESCRIBE', this.#target, [['Accept', 'application/sdp'], SINCE]);
    if (described.body === '') throw this.#error('DESCRIBE', 'the reply has no body');
    const agreement = agree(this.#options, parseDescription(described.body));
    const audio = await this.#setup('audio', 'audio/0/0');
    this.#readSession(audio);
    onAudio(agreement, this.#toMediaPort(audio, 'audio'));
    const video = this.#toMediaPort(await this.#setup('video', 'video/0/0'), 'video');
    const control = await this.#setup('control', 'control/13/0');
    await this.#announce(agreement, video.port);
    await this.#send('PLAY', '/', []);
    return {
      ...agreement,
      video,
      controlPort: readServerPort(control.headers.get('Transport'), 'control'),
      connectData: readConnectData(control.headers.get('X-SS-Connect-Data')),
    };
  }

  #setup(kind: StreamKind, stream: string): Promise<Reply> {
    this.#options.logger.debug({ stream: kind }, 'setting up');
    return this.#send('SETUP', `streamid=${stream}`, [TRANSPORT, SINCE]);
  }

  #readSession(reply: Reply): void {
    const session = (reply.headers.get('Session') ?? '').split(';')[0]?.trim();
    if (session === undefined || session === '')
      throw this.#error('SETUP', 'the reply for audio has no Session');
    this.#session = session;
  }

  #toMediaPort(reply: Reply, kind: StreamKind): MediaPort {
    return {
      port: readServerPort(reply.headers.get('Transport'), kind),
      pingPayload: readPingPayload(reply.headers.get('X-SS-Ping-Payload')),
    };
  }

  async #announce(agreement: Agreement, videoPort: number): Promise<void> {
    const wanted = toAnnounce(this.#options, agreement);
    const body = formatAnnounce(wanted, { address: this.#address, videoPort });
    await this.#send('ANNOUNCE', 'streamid=control/13/0', [['Content-type', 'application/sdp']], body);
  }

  async #send(method: string, target: string, extra: readonly Header[], body?: string): Promise<Reply> {
    this.#cseq += 1;
    const session: readonly Header[] = this.#session === undefined ? [] : [['Session', this.#session]];
    const headers: readonly Header[] = [
      ['CSeq', String(this.#cseq)],
      ['X-GS-ClientVersion', CLIENT_VERSION],
      ['Host', this.#hostHeader],
      ...session,
      ...extra,
    ];
    const request = formatRequest({ method, target, headers, ...(body === undefined ? {} : { body }) });
    const parsed = parseReply(await this.#exchange(method, request));
    if (!parsed.ok) throw this.#error(method, `the reply is unreadable: ${parsed.reason}`);
    if (parsed.status !== STATUS_OK)
      throw this.#error(method, `the host says ${parsed.status} ${parsed.reason}`);
    return parsed;
  }

  async #exchange(method: string, request: Buffer): Promise<Buffer> {
    const { port, isEncrypted } = this.#launch.sessionUrl;
    const endpoint = { address: this.#address, port, signal: this.#options.signal };
    if (!isEncrypted) return exchangeRtsp(endpoint, request);
    lastSequence += 1;
    const reply = await exchangeRtsp(
      endpoint,
      sealFrame(this.#launch.riKey, 'client', lastSequence, request),
    );
    const frame = readFrame(reply, MAX_REPLY_BYTES);
    if (frame.state !== 'complete' || frame.frame.length !== reply.length) {
      throw this.#error(method, 'the reply is not one encrypted message');
    }
    const plaintext = openFrame(this.#launch.riKey, 'host', frame.frame);
    if (plaintext === undefined)
      throw this.#error(method, 'the reply is not encrypted with the key of the launch');
    return plaintext;
  }

  #error(method: string, problem: string): Error {
    return stageError('rtsp', `${method}: ${problem}`, "see the host's log");
  }
}

/**
 * Negotiates a launched stream.
 * @param address numeric address of the host, where the connections go
 * @param onAudio called after the SETUP of audio: audio pings begin then
 * @throws LumenError `LUMEN_PROBE_FAILED`, or the Error of the socket
 */
export const negotiateStream = (
  options: StreamOptions,
  launch: Launch,
  address: string,
  onAudio: (agreement: Agreement, audio: MediaPort) => void,
): Promise<Negotiated> => new RtspClient(options, launch, address).run(onAudio);
