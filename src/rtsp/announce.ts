/**
 * The client's ANNOUNCE: what it wants, as `a=NAME:VALUE` lines. Pure, both directions.
 * Source: `protocol/rtsp.md` §5.3.
 */

import type { StreamWishes } from '../session/negotiate.js';

/** The wishes that the attributes hold, and what else they tell. */
export interface AnnounceAttributes extends Omit<StreamWishes, 'wantsStereoHighQuality'> {
  readonly audioChannels: 2 | 6 | 8;
  /** WAVE channel mask. */
  readonly audioChannelMask: number;
  readonly audioPacketDurationMs: 5 | 10;
  /** The client's refresh rate in 1/100 Hz; 0 when it does not say. */
  readonly refreshRateX100: number;
  /** `x-nv-general.useReliableUdp` is 13: control messages are encrypted. */
  readonly encryptsControl: boolean;
  readonly sendsFecStatus: boolean;
}

export type ParsedAnnounce =
  | { readonly ok: true; readonly attributes: AnnounceAttributes }
  | { readonly ok: false; readonly reason: string };

const NAMES = {
  clientFeatures: 'x-ml-general.featureFlags',
  encryption: 'x-ss-general.encryptionEnabled',
  chroma: 'x-ss-video[0].chromaSamplingType',
  width: 'x-nv-video[0].clientViewportWd',
  height: 'x-nv-video[0].clientViewportHt',
  fps: 'x-nv-video[0].maxFPS',
  packetSize: 'x-nv-video[0].packetSize',
  maximumKbps: 'x-nv-vqos[0].bw.maximumBitrateKbps',
  configuredKbps: 'x-ml-video.configuredBitrateKbps',
  videoQos: 'x-nv-vqos[0].qosTrafficType',
  audioQos: 'x-nv-aqos.qosTrafficType',
  generalFeatures: 'x-nv-general.featureFlags',
  reliableUdp: 'x-nv-general.useReliableUdp',
  minFecPackets: 'x-nv-vqos[0].fec.minRequiredFecPackets',
  slices: 'x-nv-video[0].videoEncoderSlicesPerFrame',
  bitStreamFormat: 'x-nv-vqos[0].bitStreamFormat',
  dynamicRange: 'x-nv-video[0].dynamicRangeMode',
  references: 'x-nv-video[0].maxNumReferenceFrames',
  refreshRate: 'x-nv-video[0].clientRefreshRateX100',
  channels: 'x-nv-audio.surround.numChannels',
  channelMask: 'x-nv-audio.surround.channelMask',
  audioQuality: 'x-nv-audio.surround.AudioQuality',
  packetDuration: 'x-nv-aqos.packetDuration',
  cscMode: 'x-nv-video[0].encoderCscMode',
} as const;

const CLIENT_FEATURE = { fecStatus: 0x1, sessionId: 0x2 } as const;
const ENCRYPTION = { controlV2: 0x1, video: 0x2, audio: 0x4 } as const;
const GENERAL_FEATURE = { base: 0x87, audioEncryption: 0x20 } as const;
const ENCRYPTED_CONTROL = 13;
const CODECS = ['h264', 'hevc', 'av1'] as const;
const MAX_U32 = 0xffffffff;
const PACKET_SIZE_STEP = 16;

/** Thrown inside the parser for an attribute that is missing or out of range; never leaves this file. */
class InvalidAttribute extends Error {}

/** The attributes by name, with checked access. */
class AttributeReader {
  readonly #values = new Map<string, string>();

  constructor(body: string) {
    for (const line of body.split(/\r?\n/)) {
      const match = /^a=([^:\s]+):(.*)$/.exec(line.trim());
      if (match !== null) this.#values.set(match[1] ?? '', (match[2] ?? '').trim());
    }
  }

  /** An integer within [min, max]. @param fallback value when absent; without it the attribute is needed */
  integer(name: string, min: number, max: number, fallback?: number): number {
    const text = this.#values.get(name);
    if (text === undefined) {
      if (fallback === undefined) throw new InvalidAttribute(`${name} is missing`);
      return fallback;
    }
    const value = /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidAttribute(
      `${name} must be an integer from ${min} to ${max}, got "${text.slice(0, 40)}"`,
    );
  }

  /** One of a few integers. */
  choice<T extends number>(name: string, choices: readonly T[], fallback?: T): T {
    const value = this.integer(name, 0, MAX_U32, fallback);
    const found = choices.find((choice) => choice === value);
    if (found === undefined)
      throw new InvalidAttribute(`${name} must be one of ${choices.join(', ')}, got ${value}`);
    return found;
  }
}

const readPacketSize = (reader: AttributeReader): number => {
  const packetSize = reader.integer(NAMES.packetSize, 128, 16384);
  if (packetSize % PACKET_SIZE_STEP === 0) return packetSize;
  throw new InvalidAttribute(
    `${NAMES.packetSize} must be a multiple of ${PACKET_SIZE_STEP}, got ${packetSize}`,
  );
};

const readVideo = (reader: AttributeReader) => ({
  codec: CODECS[reader.choice(NAMES.bitStreamFormat, [0, 1, 2], 0)],
  width: reader.integer(NAMES.width, 16, 16384),
  height: reader.integer(NAMES.height, 16, 16384),
  fps: reader.integer(NAMES.fps, 1, 1000),
  packetSize: readPacketSize(reader),
  configuredKbps: reader.integer(NAMES.configuredKbps, 0, MAX_U32, 0),
  maximumKbps: reader.integer(NAMES.maximumKbps, 1, MAX_U32),
  minFecPackets: reader.integer(NAMES.minFecPackets, 0, 255, 0),
  slices: reader.integer(NAMES.slices, 1, 255),
  references: reader.integer(NAMES.references, 0, 16),
  encoderCscMode: reader.integer(NAMES.cscMode, 0, 5, 0),
  isTenBit: reader.choice(NAMES.dynamicRange, [0, 1], 0) === 1,
  isYuv444: reader.choice(NAMES.chroma, [0, 1], 0) === 1,
  wantsVideoQos: reader.integer(NAMES.videoQos, 0, MAX_U32, 5) !== 0,
  refreshRateX100: reader.integer(NAMES.refreshRate, 0, MAX_U32, 0),
});

const readAudio = (reader: AttributeReader) => ({
  audioChannels: reader.choice(NAMES.channels, [2, 6, 8]),
  audioChannelMask: reader.integer(NAMES.channelMask, 0, MAX_U32),
  wantsSurroundHighQuality: reader.integer(NAMES.audioQuality, 0, MAX_U32) === 1,
  audioPacketDurationMs: reader.choice(NAMES.packetDuration, [5, 10], 5),
  wantsAudioQos: reader.integer(NAMES.audioQos, 0, MAX_U32, 4) !== 0,
});

const readGeneral = (reader: AttributeReader) => {
  const client = reader.integer(NAMES.clientFeatures, 0, MAX_U32, 0);
  const encryption = reader.integer(NAMES.encryption, 0, MAX_U32, 0);
  const general = reader.integer(NAMES.generalFeatures, 0, MAX_U32, 135);
  return {
    encryptsControlV2: (encryption & ENCRYPTION.controlV2) !== 0,
    encryptsVideo: (encryption & ENCRYPTION.video) !== 0,
    encryptsAudio: (encryption & ENCRYPTION.audio) !== 0 || (general & GENERAL_FEATURE.audioEncryption) !== 0,
    encryptsControl: reader.integer(NAMES.reliableUdp, 0, 255, 1) === ENCRYPTED_CONTROL,
    hasSessionId: (client & CLIENT_FEATURE.sessionId) !== 0,
    sendsFecStatus: (client & CLIENT_FEATURE.fecStatus) !== 0,
  };
};

/**
 * Reads an ANNOUNCE body; unknown attributes are ignored.
 * @returns the reason names the first attribute that is missing or out of range
 */
export const parseAnnounce = (body: string): ParsedAnnounce => {
  const reader = new AttributeReader(body);
  try {
    return { ok: true, attributes: { ...readVideo(reader), ...readAudio(reader), ...readGeneral(reader) } };
  } catch (error) {
    if (error instanceof InvalidAttribute) return { ok: false, reason: error.message };
    throw error;
  }
};

const flag = (isSet: boolean, bit: number): number => (isSet ? bit : 0);

/** In the order in which the stock client sends them, with its constants. */
const announceLines = (wanted: AnnounceAttributes): readonly (readonly [name: string, value: number])[] => [
  [
    NAMES.clientFeatures,
    flag(wanted.sendsFecStatus, CLIENT_FEATURE.fecStatus) |
      flag(wanted.hasSessionId, CLIENT_FEATURE.sessionId),
  ],
  [
    NAMES.encryption,
    flag(wanted.encryptsControlV2, ENCRYPTION.controlV2) |
      flag(wanted.encryptsVideo, ENCRYPTION.video) |
      flag(wanted.encryptsAudio, ENCRYPTION.audio),
  ],
  [NAMES.chroma, flag(wanted.isYuv444, 1)],
  [NAMES.width, wanted.width],
  [NAMES.height, wanted.height],
  [NAMES.fps, wanted.fps],
  [NAMES.packetSize, wanted.packetSize],
  ['x-nv-video[0].rateControlMode', 4],
  ['x-nv-video[0].timeoutLengthMs', 7000],
  ['x-nv-video[0].framesWithInvalidRefThreshold', 0],
  ['x-nv-video[0].initialBitrateKbps', wanted.maximumKbps],
  ['x-nv-video[0].initialPeakBitrateKbps', wanted.maximumKbps],
  ['x-nv-vqos[0].bw.minimumBitrateKbps', wanted.maximumKbps],
  [NAMES.maximumKbps, wanted.maximumKbps],
  [NAMES.configuredKbps, wanted.configuredKbps],
  ['x-nv-vqos[0].fec.enable', 1],
  ['x-nv-vqos[0].videoQualityScoreUpdateTime', 5000],
  [NAMES.videoQos, flag(wanted.wantsVideoQos, 5)],
  [NAMES.audioQos, flag(wanted.wantsAudioQos, 4)],
  [NAMES.generalFeatures, GENERAL_FEATURE.base | flag(wanted.encryptsAudio, GENERAL_FEATURE.audioEncryption)],
  [NAMES.reliableUdp, wanted.encryptsControl ? ENCRYPTED_CONTROL : 1],
  [NAMES.minFecPackets, wanted.minFecPackets],
  ['x-nv-vqos[0].bllFec.enable', 0],
  ['x-nv-vqos[0].drc.enable', 0],
  ['x-nv-general.enableRecoveryMode', 0],
  [NAMES.slices, wanted.slices],
  ...(wanted.codec === 'av1' ? [] : [['x-nv-clientSupportHevc', flag(wanted.codec === 'hevc', 1)] as const]),
  [NAMES.bitStreamFormat, CODECS.indexOf(wanted.codec)],
  [NAMES.dynamicRange, flag(wanted.isTenBit, 1)],
  [NAMES.references, wanted.references],
  [NAMES.refreshRate, wanted.refreshRateX100],
  [NAMES.channels, wanted.audioChannels],
  [NAMES.channelMask, wanted.audioChannelMask],
  ['x-nv-audio.surround.enable', flag(wanted.audioChannels > 2, 1)],
  [NAMES.audioQuality, flag(wanted.wantsSurroundHighQuality, 1)],
  [NAMES.packetDuration, wanted.audioPacketDurationMs],
  [NAMES.cscMode, wanted.encoderCscMode],
];

/** Writes an ANNOUNCE body byte for byte as the stock client does. @param host where it is sent to */
export const formatAnnounce = (
  wanted: AnnounceAttributes,
  host: { readonly address: string; readonly videoPort: number },
): string =>
  [
    'v=0',
    `o=android 0 14 IN ${host.address.includes(':') ? 'IPv6' : 'IPv4'} ${host.address}`,
    's=NVIDIA Streaming Client',
    ...announceLines(wanted).map(([name, value]) => `a=${name}:${value} `),
    't=0 0',
    `m=video ${host.videoPort}  `,
    '',
  ].join('\r\n');
