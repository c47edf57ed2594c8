/** The probe as tests use it: paired with a running `lumen serve`, with options that suit a small machine. */

import { resolvePaths } from '../../src/config/paths.js';
import { fetchServerInfo } from '../../src/probe/host-info.js';
import { DEFAULT_PROBE_OPTIONS, type ProbeOptions, type StreamOptions } from '../../src/probe/options.js';
import { pairWithHost } from '../../src/probe/pairing.js';
import type { ProbeStream } from '../../src/probe/probe-stream.js';
import type { ProbeReport } from '../../src/probe/report.js';
import { runProbe } from '../../src/probe/run-probe.js';
import { startStream } from '../../src/probe/stream.js';
import type { VideoFormat } from '../../src/session/stream-plan.js';
import { createLogger, createSilentLogger, type Logger } from '../../src/support/logger.js';
import { type CommandResult, type Serve, until } from './serve.js';

/** `LUMEN_TEST_LOG=1` shows what the probe says. */
const logger: Logger = process.env['LUMEN_TEST_LOG']
  ? createLogger('debug', 'terminal')
  : createSilentLogger();

const hostOptions = (serve: Serve, stateDir = serve.home.probeStateDir, host = '127.0.0.1') => ({
  address: { host, port: serve.port },
  stateDir,
  logger,
});

const optionsFor = (serve: Serve, options: Partial<ProbeOptions>): ProbeOptions => ({
  ...DEFAULT_PROBE_OPTIONS,
  mode: { width: 1280, height: 720, fps: 60 },
  bitrateKbps: 10_000,
  environment: process.env,
  adminSocket: resolvePaths(serve.home.environment).adminSocket(serve.port),
  ...hostOptions(serve),
  ...options,
});

/** Types `pin` into `lumen pair` once the host waits for it. */
export const typePin = async (serve: Serve, pin: string): Promise<CommandResult> =>
  until(async () => {
    const result = await serve.home.lumen(['pair', pin, '--port', String(serve.port)]);
    return /no client waits/i.test(result.stderr) ? undefined : result;
  }, 'the host waits for a PIN');

/** Pairs a probe: it shows `pin`, the person types `typedPin`. @param host where it finds the host, numeric */
export const pair = async (serve: Serve, pin = '1234', typedPin = pin, stateDir?: string, host?: string) => {
  const pairing = pairWithHost({ ...hostOptions(serve, stateDir, host), pin });
  const [client, person] = await Promise.allSettled([pairing, typePin(serve, typedPin)]);
  if (person.status === 'rejected') throw person.reason;
  return { client, person: person.value };
};

/** What the host offers to stream. */
export const listVideoFormats = async (serve: Serve): Promise<readonly VideoFormat[]> =>
  (await fetchServerInfo(hostOptions(serve))).videoFormats;

/** Streams with a plan and reports. */
export const probe = (serve: Serve, options: Partial<ProbeOptions> = {}): Promise<ProbeReport> =>
  runProbe(optionsFor(serve, options));

/** Starts a stream that the test steers. */
export const openStream = async (
  serve: Serve,
  options: Partial<StreamOptions> = {},
): Promise<ProbeStream> => {
  const stream = await startStream(optionsFor(serve, options));
  serve.onStopped(() => stream.vanish());
  return stream;
};
