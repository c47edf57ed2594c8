/** GStreamer, Lumen's own elements, the encoders and what they cost, the sources of picture and sound. */
import type { CaptureBackend } from '../capture/capture.js';
import { adviseDesktop, chooseBackend, createBackends, judgeBackends } from '../capture/detect.js';
import { listVideoNodes } from '../capture/pipewire.js';
import type { Config } from '../config/config.js';
import { nearestName } from '../config/nearest-name.js';
import type { Environment, LumenPaths } from '../config/paths.js';
import { mediaEnvironment, spawnMediaProcess } from '../media/media-process.js';
import {
  type Catalog,
  findLacking,
  findOwnMissing,
  listRequirements,
  loadCatalog,
  requireDescription,
} from '../pipeline/catalog.js';
import type { EncoderDescription, SourceDescription } from '../pipeline/description.js';
import { buildGraphs } from '../pipeline/graphs.js';
import { sampleFormatOf, samplePlan } from '../pipeline/sample.js';
import { formatLaunchCommand } from '../pipeline/shell.js';
import { SHIPPED_PIPELINES } from '../pipeline/shipped.js';
import { LumenError } from '../support/errors.js';
import { createSilentLogger } from '../support/logger.js';
import { requireSockets } from '../support/sockets.js';
import { runTool } from '../support/tool.js';
import { type Finding, note, ok, problem, warning } from './finding.js';
import { type FrameCost, measureFrameCost } from './frame-cost.js';

const MODE = { width: 1280, height: 720, fps: 60 } as const;
/** A machine that is busy takes its time to start a program. */
const VERSION_MS = 30_000;
const SAMPLE_KBPS = 10_000;
/** How many times the pixels of {@link MODE} a picture of 1920x1080 has. */
const FULL_HD_FACTOR = 2.25;
/** Above this share of a core frames are late as soon as anything else runs. */
const COMFORTABLE_SHARE = 0.8;

/** What the media checks work with. */
export interface MediaContext {
  readonly config: Config;
  readonly paths: LumenPaths;
  readonly environment: Environment;
  /** Measuring takes some seconds for each encoder. */
  readonly measures: boolean;
}

export const checkGstreamer = async ({ environment }: MediaContext): Promise<readonly Finding[]> => {
  const check = 'gstreamer.version';
  const answer = await runTool(['gst-launch-1.0', '--version'], environment, VERSION_MS);
  if (answer === undefined) {
    return [problem(check, 'GStreamer is not installed (no gst-launch-1.0)', 'npm run setup')];
  }
  const version = /GStreamer (\d+)\.(\d+)\.\d+/.exec(answer.output);
  if (version === null) {
    const how = answer.status === null ? `nothing within ${VERSION_MS / 1000} s` : 'no version';
    return [problem(check, `gst-launch-1.0 says ${how}`, 'run it by hand: gst-launch-1.0 --version')];
  }
  const isOld = Number(version[1]) < 1 || Number(version[2]) < 22;
  if (isOld)
    return [problem(check, `${version[0]} is older than 1.22`, 'update the system: Debian 12 has 1.22')];
  return [ok(check, version[0])];
};

const findMissing = async (catalog: Catalog, environment: Environment): Promise<readonly string[]> => {
  // Throws with its own words where the native parts are not built.
  requireSockets();
  const media = spawnMediaProcess({ descriptors: [], logger: createSilentLogger(), environment });
  try {
    return await media.inspect(listRequirements(catalog));
  } finally {
    await media.stop();
  }
};

/* As fast as the stage takes it: what matters is the time of the processor, not of the clock. */
const testSource = (catalog: Catalog, frames: number): SourceDescription => ({
  ...requireDescription('sources', catalog.sources, 'test'),
  source: `videotestsrc num-buffers=${frames} pattern=smpte horizontal-speed=4
    ! video/x-raw,format=I420,width=\${width},height=\${height},framerate=\${fps}/1`,
});

const toLaunch = (catalog: Catalog, encoder: EncoderDescription, frames: number): string =>
  buildGraphs({
    plan: samplePlan(MODE, SAMPLE_KBPS, sampleFormatOf(encoder)),
    videoSource: { description: testSource(catalog, frames), properties: {} },
    videoEncoder: encoder,
    audio: null,
    descriptors: { videoSocket: -1, audioSocket: -1, sessionPage: -1 },
    firstFrameNumber: 0,
    preview: { address: '127.0.0.1', videoPort: 9, audioPort: 9 },
  })[0]?.launch ?? '';

/** From the test pattern up to the encoded picture, or without the encoder. The sampler would keep to the clock. */
const toCommand = (launch: string, isEncoded: boolean): string => {
  const end = launch.indexOf(isEncoded ? '! moonlightpay' : '! framesampler');
  const graph = launch.slice(0, end).replace(/! framesampler [^!]*/, '');
  const pluginPath = mediaEnvironment({})['GST_PLUGIN_PATH'] ?? '';
  return formatLaunchCommand(`${graph} ! fakesink sync=false`, pluginPath);
};

const percent = (share: number): string => `${Math.round(100 * share)} %`;

/**
 * @param measured the graph with the stage
 * @param sourceMs processor time for one frame of the source and conversion alone
 * @param isNeeded streams will use it, whatever clients ask for
 */
export const judgeEncoderCost = (
  name: string,
  measured: FrameCost,
  sourceMs: number,
  isNeeded: boolean,
): Finding => {
  const check = `encoder.${name}`;
  if (!measured.ok) {
    const remedy = 'lumen pipelines check, or set encoder to another stage';
    return warning(check, `does not encode here: ${measured.reason}`, remedy);
  }
  const share = (Math.max(0, measured.msPerFrame - sourceMs) * MODE.fps) / 1000;
  const atFullHd = share * FULL_HD_FACTOR;
  const text = `1280x720@60 takes ${percent(share)} of one core with a test pattern, 1920x1080@60 about ${percent(atFullHd)}`;
  if (atFullHd < COMFORTABLE_SHARE) return ok(check, text);
  if (share < COMFORTABLE_SHARE) {
    return note(
      check,
      `${text}: that does not fit one core`,
      'choose 1280x720 in Moonlight, or let it ask for more slices',
    );
  }
  const remedy = 'choose a smaller mode in Moonlight, or another encoder: lumen pipelines list';
  return isNeeded
    ? warning(check, `${text}: neither fits one core`, remedy)
    : note(check, `${text}: neither fits one core`, remedy);
};

/** What the configured encoder and the stages that lack something deserve. */
const judgeLacking = (
  { config }: MediaContext,
  encoders: readonly EncoderDescription[],
  usable: readonly EncoderDescription[],
): readonly Finding[] => {
  const findings: Finding[] = [];
  const names = encoders.map(({ name }) => name);
  const others = names.filter((name) => !usable.some((encoder) => encoder.name === name));
  if (others.length > 0) {
    const text = `${others.join(', ')}: not usable here, for want of elements`;
    findings.push(note('encoder.unusable', text, 'lumen pipelines list says what each lacks'));
  }
  for (const wanted of config.encoder) {
    const check = `encoder.${wanted}`;
    if (others.includes(wanted)) {
      findings.push(problem(check, 'this configured encoder is not usable here', 'set encoder = "auto"'));
    } else if (!names.includes(wanted)) {
      const text = `this configured encoder is no stage; the nearest is ${nearestName(wanted, names)}`;
      findings.push(problem(check, text, 'lumen pipelines list'));
    }
  }
  if (!usable.some(({ codec }) => codec === 'h264')) {
    findings.push(
      problem('encoder.h264', 'no H.264 encoder is usable, and every client needs one', 'npm run setup'),
    );
  }
  return findings;
};

const measureEncoder = async (
  { config, environment }: MediaContext,
  catalog: Catalog,
  encoder: EncoderDescription,
): Promise<Finding> => {
  const measure = (isEncoded: boolean) =>
    measureFrameCost((frames) => toCommand(toLaunch(catalog, encoder, frames), isEncoded), environment);
  const source = await measure(false);
  const isNeeded = encoder.codec === 'h264' || config.encoder.includes(encoder.name);
  return judgeEncoderCost(encoder.name, await measure(true), source.ok ? source.msPerFrame : 0, isNeeded);
};

const judgeEncoders = async (
  context: MediaContext,
  catalog: Catalog,
  missing: readonly string[],
): Promise<readonly Finding[]> => {
  const encoders = [...catalog.encoders.values()].filter(({ codec }) => codec !== 'opus');
  const usable = encoders.filter((encoder) => findLacking(encoder, missing).length === 0);
  const findings: Finding[] = [];
  for (const encoder of usable) {
    // One after the other: they would measure each other.
    if (context.measures) findings.push(await measureEncoder(context, catalog, encoder));
    else findings.push(ok(`encoder.${encoder.name}`, 'its elements are installed'));
  }
  return [...findings, ...judgeLacking(context, encoders, usable)];
};

export const checkPipelines = async (context: MediaContext): Promise<readonly Finding[]> => {
  const catalog = loadCatalog(SHIPPED_PIPELINES, context.paths.pipelinesDir);
  const missing = await findMissing(catalog, context.environment);
  const own = findOwnMissing(missing);
  if (own !== undefined) return [problem('gstreamer.plugin', own.message, own.remedy)];
  const broken = catalog.broken.map(({ name, error }) =>
    warning(`pipeline.${name}`, error.message, error.remedy),
  );
  const plugin = ok('gstreamer.plugin', "GStreamer finds Lumen's own elements");
  return [plugin, ...broken, ...(await judgeEncoders(context, catalog, missing))];
};

const toFinding = (error: unknown, make: typeof problem, check: string): Finding => {
  if (error instanceof LumenError) return make(check, error.message, error.remedy);
  throw error;
};

const judgePipewire = async (environment: Environment, isWanted: boolean): Promise<Finding> => {
  const check = 'capture.pipewire';
  try {
    const nodes = await listVideoNodes(environment);
    return ok(
      check,
      `PipeWire answers and has ${nodes.length} video ${nodes.length === 1 ? 'node' : 'nodes'}`,
    );
  } catch (error) {
    return toFinding(error, isWanted ? problem : note, check);
  }
};

const judgeConfiguredSource = async (
  backends: readonly CaptureBackend[],
  { source }: Config,
): Promise<Finding> => {
  const check = 'capture.configured';
  try {
    const { backend, reason } = await chooseBackend(backends, source);
    const text = `streams show ${backend.title}: ${reason}`;
    if (backend.name !== 'test') return ok(check, text);
    return note(check, text, 'see what else this session can show: lumen sources');
  } catch (error) {
    return toFinding(error, problem, check);
  }
};

/** What streams show, and what else could be shown. */
export const checkCapture = async ({
  config,
  paths,
  environment,
}: MediaContext): Promise<readonly Finding[]> => {
  const backends = createBackends({ environment, stateDir: paths.stateDir, logger: createSilentLogger() });
  const verdicts = await judgeBackends(backends);
  const { usable, refused } = verdicts;
  const advice = adviseDesktop(verdicts, environment);
  return [
    await judgeConfiguredSource(backends, config),
    ...(advice === undefined ? [] : [warning('capture.desktop', advice.text, advice.remedy)]),
    await judgePipewire(environment, config.source.kind === 'pipewire'),
    ...usable.map(({ backend, reason }) => ok(`capture.${backend.name}`, `${backend.title}: ${reason}`)),
    ...refused.map(({ backend, error }) => note(`capture.${backend.name}`, error.message, error.remedy)),
  ];
};

export const checkSound = async ({ config, environment }: MediaContext): Promise<readonly Finding[]> => {
  const check = 'sound.server';
  const { audioSource } = config;
  if (audioSource.kind === 'none') return [ok(check, 'streams have no sound, as configured')];
  const answer = await runTool(['pactl', 'info'], environment);
  const server = /^Server Name: (.*)$/m.exec(answer?.output ?? '')?.[1];
  if (server !== undefined) return [ok(check, `${server} answers`)];
  const text =
    answer === undefined
      ? 'pactl is not installed, so the sound server cannot be asked'
      : 'no sound server answers';
  const remedy =
    answer === undefined ? 'sudo apt install pulseaudio-utils' : 'systemctl --user start pipewire-pulse';
  const isNeeded = audioSource.kind === 'desktop' || audioSource.kind === 'pulse';
  return [isNeeded ? warning(check, text, remedy) : note(check, text, remedy)];
};
