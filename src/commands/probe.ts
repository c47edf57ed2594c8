/** `lumen probe`: a measuring Moonlight client for this host and any other. */
import path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { resolvePaths } from '../config/paths.js';
import { type HostAddress, parseHostAddress } from '../probe/address.js';
import { listApps, quitApp } from '../probe/host-info.js';
import {
  DEFAULT_PROBE_OPTIONS,
  type HostOptions,
  type Mode,
  PROBE_CODECS,
  PROBE_COLOR_SPACES,
  type ProbeCodec,
  type ProbeOptions,
  parseEncryption,
  parseInteger,
  parseMode,
  parseMoments,
  parseNumber,
} from '../probe/options.js';
import { pairWithHost } from '../probe/pairing.js';
import { formatReport, isSuccess } from '../probe/report.js';
import { runProbe } from '../probe/run-probe.js';
import { ERROR_KINDS, LumenError } from '../support/errors.js';
import { chooseLogStyle, createLogger, type LogLevel } from '../support/logger.js';

const BIT_DEPTHS = [8, 10] as const;
const CHROMAS = ['420', '444'] as const;
const CHANNELS = [2, 6, 8] as const;
const PACKET_MS = [5, 10] as const;

/** A commander argument parser from one that returns null for what it does not accept. */
const checked =
  <T>(parse: (text: string) => T | null, expected: string) =>
  (text: string): T => {
    const value = parse(text);
    if (value === null) throw new InvalidArgumentError(`Expected ${expected}.`);
    return value;
  };

const address = checked(parseHostAddress, 'HOST, HOST:PORT or [IPV6]:PORT');
const integer = (min: number, max: number) =>
  checked((text) => parseInteger(text, min, max), `a whole number from ${min} to ${max}`);
const decimal = (min: number, max: number) =>
  checked((text) => parseNumber(text, min, max), `a number from ${min} to ${max}`);
const codec = checked(
  (text): ProbeCodec | null => PROBE_CODECS.find((name) => name === text) ?? null,
  `one of ${PROBE_CODECS.join(', ')}`,
);
const colorSpace = checked(
  (text) => PROBE_COLOR_SPACES.find((name) => name === text) ?? null,
  `one of ${PROBE_COLOR_SPACES.join(', ')}`,
);
const bitDepth = checked((text) => BIT_DEPTHS.find((depth) => String(depth) === text) ?? null, '8 or 10');
const channels = checked((text) => CHANNELS.find((count) => String(count) === text) ?? null, '2, 6 or 8');
const packetMs = checked((text) => PACKET_MS.find((ms) => String(ms) === text) ?? null, '5 or 10');
const chroma = checked((text) => CHROMAS.find((name) => name === text) ?? null, '420 or 444');
const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const satisfies readonly LogLevel[];
const logLevel = checked(
  (text): LogLevel | null => LOG_LEVELS.find((name) => name === text) ?? null,
  `one of ${LOG_LEVELS.join(', ')}`,
);
const pin = checked((text) => (/^\d{4}$/.test(text) ? text : null), 'four digits');

interface CommonFlags {
  readonly stateDir?: string;
  readonly logLevel: LogLevel;
}

interface StreamFlags extends CommonFlags {
  readonly app?: string;
  readonly mode: Mode;
  readonly bitrate: number;
  readonly codec: ProbeCodec;
  readonly bitDepth: (typeof BIT_DEPTHS)[number];
  readonly chroma: (typeof CHROMAS)[number];
  readonly colorSpace: (typeof PROBE_COLOR_SPACES)[number];
  readonly fullRange?: boolean;
  readonly slices: number;
  readonly references: number;
  readonly packetSize: number;
  readonly seconds: number;
  readonly dropPercent: number;
  readonly dropSeed: number;
  readonly requestIdrAt: readonly number[];
  readonly save?: string;
  readonly snapshot?: string;
  readonly encryption: number;
  readonly plainRtsp?: boolean;
  readonly audio: boolean;
  readonly channels: (typeof CHANNELS)[number];
  readonly audioPacketMs: (typeof PACKET_MS)[number];
  readonly hostAudio?: boolean;
  readonly resume?: boolean;
  readonly leave?: boolean;
  readonly quit?: boolean;
  readonly json?: boolean;
}

/** Aborts at the first SIGINT or SIGTERM, so that the host is told; a second one ends the process at once. */
const untilInterrupted = (): AbortSignal => {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort();
    });
  }
  return controller.signal;
};

const hostOptions = (target: HostAddress, flags: CommonFlags): HostOptions => ({
  address: target,
  stateDir: flags.stateDir ?? path.join(resolvePaths().stateDir, 'probe'),
  logger: createLogger(flags.logLevel, chooseLogStyle({ environment: process.env })).child({
    module: 'probe',
  }),
  signal: untilInterrupted(),
});

const toProbeOptions = (target: HostAddress, flags: StreamFlags): ProbeOptions => ({
  ...hostOptions(target, flags),
  app: flags.app ?? null,
  mode: flags.mode,
  bitrateKbps: flags.bitrate,
  codec: flags.codec,
  bitDepth: flags.bitDepth,
  chroma: flags.chroma,
  colorSpace: flags.colorSpace,
  fullRange: flags.fullRange ?? false,
  slices: flags.slices,
  references: flags.references,
  packetSize: flags.packetSize,
  encryption: flags.encryption,
  plainRtsp: flags.plainRtsp ?? false,
  audio: flags.audio,
  audioChannels: flags.channels,
  audioPacketDurationMs: flags.audioPacketMs,
  playsAudioOnHost: flags.hostAudio ?? false,
  verb: flags.resume ? 'resume' : 'auto',
  dropPercent: flags.dropPercent,
  dropSeed: flags.dropSeed,
  saveFile: flags.save ?? null,
  snapshotFile: flags.snapshot ?? null,
  adminSocket: resolvePaths().adminSocket(target.port),
  environment: process.env,
  seconds: flags.seconds,
  requestIdrAt: flags.requestIdrAt,
  ending: flags.quit ? 'quit' : flags.leave ? 'vanish' : 'disconnect',
});

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const stream = async (target: HostAddress, flags: StreamFlags): Promise<void> => {
  if (flags.leave && flags.quit)
    throw new LumenError('LUMEN_USAGE', { problem: '--leave and --quit exclude each other' });
  const report = await runProbe(toProbeOptions(target, flags));
  print(flags.json ? JSON.stringify(report, null, 2) : formatReport(report));
  if (!isSuccess(report)) process.exitCode = ERROR_KINDS.LUMEN_PROBE_FAILED.exitCode;
};

const pair = async (target: HostAddress, flags: CommonFlags & { pin: string }): Promise<void> => {
  process.stderr.write(
    `Type the PIN ${flags.pin} into the host (on a Lumen host: lumen pair ${flags.pin})\n`,
  );
  const result = await pairWithHost({ ...hostOptions(target, flags), pin: flags.pin });
  print(`Paired with ${result.hostname}, certificate ${result.hostFingerprint}`);
};

const apps = async (target: HostAddress, flags: CommonFlags): Promise<void> => {
  for (const { id, title } of await listApps(hostOptions(target, flags))) print(`${id}\t${title}`);
};

const addCommon = (command: Command): Command =>
  command
    .argument('<host>', 'HOST, HOST:PORT or [IPV6]:PORT of plain HTTP (default port 47989)', address)
    .option('--state-dir <dir>', "folder of the probe's certificate and paired hosts")
    .option('--log-level <level>', LOG_LEVELS.join(', '), logLevel, 'warn');

/** What the client asks the host for. */
const addWishOptions = (command: Command): Command => {
  const defaults = DEFAULT_PROBE_OPTIONS;
  const { width, height, fps } = defaults.mode;
  return command
    .option('--app <name>', 'name or id of the app (default: the running one, or the first)')
    .addOption(
      command
        .createOption('--mode <mode>', 'WIDTHxHEIGHT@FPS')
        .argParser(checked(parseMode, 'WIDTHxHEIGHT@FPS'))
        .default(defaults.mode, `${width}x${height}@${fps}`),
    )
    .option(
      '--bitrate <kbps>',
      'bitrate with parity and audio, kbit/s',
      integer(1, 10_000_000),
      defaults.bitrateKbps,
    )
    .option('--codec <codec>', PROBE_CODECS.join(', '), codec, defaults.codec)
    .option('--bit-depth <bits>', '8 or 10', bitDepth, defaults.bitDepth)
    .option('--chroma <sampling>', '420 or 444', chroma, defaults.chroma)
    .option('--color-space <space>', PROBE_COLOR_SPACES.join(', '), colorSpace, defaults.colorSpace)
    .option('--full-range', 'luma from 0 to 255 instead of 16 to 235')
    .option('--slices <n>', 'slices or tiles of a frame', integer(1, 255), defaults.slices)
    .option('--references <n>', 'reference frames, 0 for any', integer(0, 16), defaults.references)
    .option('--packet-size <bytes>', 'bytes of a datagram less 16', integer(1, 65_000), defaults.packetSize)
    .addOption(
      command
        .createOption(
          '--encryption <streams>',
          'none, all, or some of control,video,audio where the host can',
        )
        .argParser(checked(parseEncryption, 'none, all, names of control,video,audio, or 0 to 7'))
        .default(defaults.encryption, 'control,audio'),
    )
    .option('--plain-rtsp', 'be a client that cannot encrypt RTSP')
    .option('--no-audio', 'do not receive sound')
    .option('--channels <n>', '2, 6 or 8 channels of sound', channels, defaults.audioChannels)
    .option('--audio-packet-ms <ms>', '5 or 10', packetMs, defaults.audioPacketDurationMs)
    .option('--host-audio', 'ask the host to play the sound too');
};

/** How long, what to measure, and how to leave. */
const addRunOptions = (command: Command): Command => {
  const defaults = DEFAULT_PROBE_OPTIONS;
  return command
    .option(
      '--seconds <n>',
      'how long to stream after the first picture',
      decimal(0, 86_400),
      defaults.seconds,
    )
    .option('--drop-percent <p>', 'datagrams to throw away', decimal(0, 100), defaults.dropPercent)
    .option('--drop-seed <n>', 'which datagrams', integer(0, 999_999_999), defaults.dropSeed)
    .addOption(
      command
        .createOption('--request-idr-at <seconds>', 'ask for key frames then, separated by commas')
        .argParser(checked(parseMoments, 'seconds, separated by commas'))
        .default([], 'none'),
    )
    .option('--save <file>', 'write the coded video there')
    .option('--snapshot <file>', 'write a picture from the end there (PNG)')
    .option('--resume', 'resume, whether the host says that an app runs or not')
    .option('--leave', 'vanish at the end without a word')
    .option('--quit', 'end the app at the end')
    .option('--json', 'for machines');
};

export const addProbeCommand = (program: Command): void => {
  const probe = program.command('probe').description('measure a host as a Moonlight client');
  addCommon(probe.command('pair').description('pair with a host'))
    .requiredOption('--pin <pin>', 'four digits, to be typed into the host', pin)
    .action(pair);
  const streaming = addCommon(probe.command('stream').description('stream, measure and report'));
  addRunOptions(addWishOptions(streaming)).action(stream);
  addCommon(probe.command('apps').description("list the host's apps")).action(apps);
  addCommon(probe.command('quit').description('end the running app')).action(
    async (target: HostAddress, flags: CommonFlags) => {
      await quitApp(hostOptions(target, flags));
      print('The running app has ended');
    },
  );
};
