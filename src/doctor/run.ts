/** All checks in the order in which a person wants to read them. A check that fails or hangs is a finding, too. */
import { findServePorts } from '../admin/client.js';
import { loadConfig } from '../config/load-config.js';
import { type Environment, resolvePaths } from '../config/paths.js';
import { describeError, LumenError } from '../support/errors.js';
import { withDeadline } from '../support/lifecycle.js';
import { checkApps } from './apps.js';
import { type Finding, ok, problem } from './finding.js';
import { checkFirewall } from './firewall.js';
import { checkIdentity } from './identity.js';
import { checkInstallation } from './installation.js';
import { checkCapture, checkGstreamer, checkPipelines, checkSound, type MediaContext } from './media.js';
import { checkMdns, checkPorts, checkSendBuffer, portsOf } from './network.js';
import { checkClock, checkPermissions } from './system.js';

/** Some encoders take seconds to start, and each is measured. */
const CHECK_MS = 120_000;

export interface DoctorOptions {
  readonly environment: Environment;
  /** Measure what each encoder costs, a few seconds each. */
  readonly measures: boolean;
}

const readConfig = (environment: Environment): { config: MediaContext['config']; finding: Finding } => {
  const check = 'configuration';
  try {
    const config = loadConfig({ env: environment });
    return {
      config,
      finding: ok(check, `${resolvePaths(environment).configFile} and variables are understood`),
    };
  } catch (error) {
    if (!(error instanceof LumenError)) throw error;
    // The other checks still say something with the defaults.
    const { HOME } = environment;
    const config = loadConfig({ env: { HOME, XDG_CONFIG_HOME: '/nonexistent' } });
    return { config, finding: problem(check, error.message, error.remedy) };
  }
};

const listChecks = async (
  context: MediaContext,
): Promise<readonly (readonly [string, () => Promise<readonly Finding[]>])[]> => {
  const { config, paths, environment } = context;
  const isServing = (await findServePorts(paths.runtimeDir)).includes(config.port);
  return [
    ['gstreamer', () => checkGstreamer(context)],
    ['pipelines', () => checkPipelines(context)],
    ['capture', () => checkCapture(context)],
    ['sound', () => checkSound(context)],
    ['network.ports', () => checkPorts(config, isServing)],
    ['network.firewall', () => checkFirewall(portsOf(config), environment)],
    ['network.buffers', () => checkSendBuffer()],
    ['network.mdns', () => checkMdns(config, isServing)],
    ['identity', () => checkIdentity(paths.stateDir)],
    ['permissions', () => checkPermissions(paths)],
    ['system.clock', () => checkClock()],
    ['installation', () => checkInstallation(paths)],
    ['apps', () => checkApps(config.apps, environment)],
  ];
};

const runCheck = async (
  name: string,
  check: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> => {
  try {
    return await withDeadline(check(), CHECK_MS, `the check ${name}`);
  } catch (error) {
    if (error instanceof LumenError) return [problem(name, error.message, error.remedy)];
    return [
      problem(
        name,
        `this could not be checked: ${describeError(error)}`,
        'report it, with the output of: lumen doctor --json',
      ),
    ];
  }
};

/** Looks at everything that a stream needs, one thing after the other. */
export async function* diagnose(options: DoctorOptions): AsyncGenerator<Finding> {
  const { environment, measures } = options;
  const { config, finding } = readConfig(environment);
  yield finding;
  const context = { config, paths: resolvePaths(environment), environment, measures };
  for (const [name, check] of await listChecks(context)) yield* await runCheck(name, check);
}
