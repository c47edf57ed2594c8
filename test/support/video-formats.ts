/** Streams every video format that a host offers, and says what is wrong with what arrives. */
import fs from 'node:fs';
import path from 'node:path';
import type { ProbeOptions } from '../../src/probe/options.js';
import { toColorimetry } from '../../src/probe/receiver-graphs.js';
import type { ProbeReport } from '../../src/probe/report.js';
import type { VideoFormat } from '../../src/session/stream-plan.js';
import { probe } from './client.js';
import type { Serve, TestHome } from './serve.js';
import { TEST_TONES_HZ } from './tones.js';

/** One stream of the matrix. */
export interface VideoCase {
  readonly format: VideoFormat;
  readonly isEncrypted: boolean;
  readonly packetSize: number;
  readonly colorSpace: ProbeOptions['colorSpace'];
  readonly fullRange: boolean;
  /** Where they are named, each must have its tone; a stream of less than three seconds is too short for that. */
  readonly audioChannels?: ProbeOptions['audioChannels'];
}

/** Small enough for two cores without hardware, also in 10 bits. */
const MODE = { width: 640, height: 360, fps: 30 } as const;
const BITRATE_KBPS = 6000;
/** Steps of 8 bits that a patch may be off after conversion and coding. */
export const MAX_COLOR_ERROR = 3;

/**
 * A test pattern in R'G'B', as screens are captured, so that the colours go through the conversion in front of the
 * encoder. The shipped one is drawn in the encoder's format already.
 */
const RGB_CAPS = 'format=BGRx';
/** An HDR screen as capture would hand it over: ten bits, BT.2020 primaries, PQ. */
const HDR_CAPS = 'format=P010_10LE,colorimetry=bt2100-pq';

const toSource = (caps: string, more = ''): string => `
title    = "test pattern, ${caps}"
requires = ["videotestsrc", "framecounter"]
${more}
source = '''
videotestsrc name=source is-live=true pattern=smpte horizontal-speed=4
! video/x-raw,${caps},width=\${width},height=\${height},framerate=\${fps}/1
! framecounter name=counter start=\${first_frame}
'''
`;

/** Each encryption, packet size, matrix and range comes up among four formats in a row. */
const VARIANTS = [
  { isEncrypted: false, packetSize: 1392, colorSpace: 'bt709', fullRange: false },
  { isEncrypted: true, packetSize: 1024, colorSpace: 'bt601', fullRange: true },
  { isEncrypted: true, packetSize: 1392, colorSpace: 'bt601', fullRange: false },
  { isEncrypted: false, packetSize: 1024, colorSpace: 'bt709', fullRange: true },
] as const;

/** Each format once, in another variant than the one before. */
export const shortMatrix = (formats: readonly VideoFormat[]): VideoCase[] =>
  formats.map((format, index) => ({ format, ...(VARIANTS[index % VARIANTS.length] ?? VARIANTS[0]) }));

/** Each codec with every layout of sound, and its other formats with stereo. */
const channelsWith = ({ bitDepth, chroma }: VideoFormat): readonly ProbeOptions['audioChannels'][] =>
  bitDepth === 8 && chroma === '420' ? [2, 6, 8] : [2];

/** Each format with and without encryption, in both usual packet sizes; the colours change along. */
export const fullMatrix = (formats: readonly VideoFormat[]): VideoCase[] =>
  formats.flatMap((format) =>
    VARIANTS.flatMap((variant) =>
      channelsWith(format).map((audioChannels) => ({ format, ...variant, audioChannels })),
    ),
  );

/** Puts a source in the place of the shipped one, from the next stream on. */
const useSource = (home: TestHome, text: string): void => {
  const folder = path.join(home.environment['XDG_CONFIG_HOME'] ?? '', 'lumen/pipelines/sources');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'test.toml'), text);
};
export const useRgbSource = (home: TestHome): void => useSource(home, toSource(RGB_CAPS));
export const useHdrSource = (home: TestHome): void => useSource(home, toSource(HDR_CAPS, 'hdr = true'));

/** For messages. */
export const caseName = (one: VideoCase): string => {
  const { format, isEncrypted, packetSize, colorSpace, fullRange, audioChannels } = one;
  const sound = audioChannels === undefined ? '' : `, ${audioChannels} channels`;
  return (
    `${format.codec} ${format.bitDepth} bit ${format.chroma}, ${isEncrypted ? 'encrypted' : 'clear'}, packets of ${packetSize}, ` +
    `${colorSpace} ${fullRange ? 'full' : 'limited'}${sound}`
  );
};

/** Streams one case for some seconds. The host must offer encrypted video where the case wants it. */
export const streamCase = (serve: Serve, one: VideoCase, seconds: number): Promise<ProbeReport> => {
  const options: Partial<ProbeOptions> = {
    ...one.format,
    mode: MODE,
    bitrateKbps: BITRATE_KBPS,
    colorSpace: one.colorSpace,
    fullRange: one.fullRange,
    audioChannels: one.audioChannels ?? 2,
    packetSize: one.packetSize,
    encryption: one.isEncrypted ? 7 : 1,
    seconds,
    ending: 'quit',
  };
  return probe(serve, options);
};

/** The raw format that a decoder makes of it. */
const rawFormat = ({ bitDepth, chroma }: VideoFormat): string =>
  `${chroma === '444' ? 'Y444' : 'I420'}${bitDepth === 10 ? '_10LE' : ''}`;

const soundExpectations = ({ audio }: ProbeReport, channels: ProbeOptions['audioChannels'] | undefined) =>
  channels === undefined
    ? []
    : ([
        ['sound packets lost', audio?.lost, 0],
        ['tones', String(audio?.tonesHz), String(TEST_TONES_HZ.slice(0, channels))],
      ] as const);

/** All that is not as it must be: nothing lost, every frame decoded, in order, in the right format and colours, and so signalled. */
export const problemsOf = (
  report: ProbeReport,
  { format, isEncrypted, colorSpace, fullRange, audioChannels }: VideoCase,
): string[] => {
  if (report.failure !== null) return [`${report.failure.stage}: ${report.failure.problem}`];
  const { frames, picture, request } = report;
  const expected: readonly (readonly [what: string, value: unknown, wanted: unknown])[] = [
    ...soundExpectations(report, audioChannels),
    ['end', report.end.reason, 'time'],
    ['codec', request.codec, format.codec],
    ['video encryption', request.encryption.video, isEncrypted],
    ['frames lost', frames.lost, 0],
    ['pictures wrong', frames.wrong, 0],
    ['frames discarded', frames.discarded, 0],
    ['raw format', picture.format, rawFormat(format)],
    ['colorimetry', picture.colorimetry, toColorimetry(format.bitDepth, colorSpace, fullRange)],
  ];
  const problems = expected
    .filter(([, value, wanted]) => value !== wanted)
    .map(([what, value, wanted]) => `${what}: ${value} instead of ${wanted}`);
  if (picture.colorError === null || picture.colorError > MAX_COLOR_ERROR)
    problems.push(`colours off by ${picture.colorError}`);
  // The last ones may still wait for the decoder, on a busy machine for a third of a second.
  if (frames.decoded < 1 || frames.received - frames.decoded > MODE.fps / 3)
    problems.push(`${frames.decoded} of ${frames.received} frames decoded`);
  return problems;
};
