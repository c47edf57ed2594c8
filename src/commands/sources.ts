/** `lumen sources`: what pictures this session can give, which of them `auto` takes, and why not the others. */
import type { Command } from 'commander';
import type { CaptureBackend, CaptureTarget } from '../capture/capture.js';
import { adviseDesktop, createBackends, judgeBackends } from '../capture/detect.js';
import { resolvePaths } from '../config/paths.js';
import { LumenError } from '../support/errors.js';
import { createSilentLogger } from '../support/logger.js';

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const line = (name: string, text: string): void => print(`  ${name.padEnd(12)} ${text}`);

/** A back end that is not usable has nothing to list; why, was said already. */
const listTargets = async (backend: CaptureBackend): Promise<readonly CaptureTarget[]> => {
  try {
    return await backend.list();
  } catch (error) {
    if (error instanceof LumenError) return [];
    throw error;
  }
};

const showSources = async (): Promise<void> => {
  const { stateDir } = resolvePaths();
  const context = { environment: process.env, stateDir, logger: createSilentLogger() };
  const backends = createBackends(context);
  const verdicts = await judgeBackends(backends);
  const { usable, refused } = verdicts;
  const advice = adviseDesktop(verdicts, context.environment);
  print('Usable here (auto takes the first):');
  for (const { backend, reason } of usable) line(backend.name, `${backend.title}: ${reason}`);
  if (refused.length > 0) print('Not usable here:');
  for (const { backend, error } of refused) line(backend.name, error.message);
  if (advice !== undefined) print(`Note: ${advice.text}.\nTry: ${advice.remedy}`);
  const targets = await Promise.all(
    backends.map(async (backend) => ({ backend, targets: await listTargets(backend) })),
  );
  if (targets.some(({ targets: found }) => found.length > 0)) print('One of them alone:');
  for (const { backend, targets: found } of targets) {
    for (const { name, description } of found)
      print(`  --source ${backend.name}:${name}${description === '' ? '' : `  ${description}`}`);
  }
};

export const addSourcesCommand = (program: Command): void => {
  program
    .command('sources')
    .description('list what this session can show: screens, virtual outputs, PipeWire nodes')
    .action(async () => {
      await showSources();
      // A session bus that is still open must not keep the command from ending.
      process.exit(0);
    });
};
