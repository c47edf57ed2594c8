/** Whether the configured apps could start. */
import fs from 'node:fs';
import path from 'node:path';
import { readBoxArt } from '../apps/box-art.js';
import type { AppConfig } from '../config/app-settings.js';
import type { Environment } from '../config/paths.js';
import { type Finding, ok, warning } from './finding.js';

const isExecutable = (file: string): boolean => {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
};

/** As execvp(3): a name with a slash is a path, others are looked up. */
const isProgram = (name: string, environment: Environment): boolean =>
  name.includes('/')
    ? isExecutable(name)
    : (environment['PATH'] ?? '').split(':').some((folder) => isExecutable(path.join(folder, name)));

const CORRECT = 'correct the app in config.toml; see: lumen apps --help';

const judgeApp = async (app: AppConfig, environment: Environment): Promise<readonly Finding[]> => {
  const check = `app.${app.title}`;
  const commands = [app.command, ...app.preparation.flatMap(({ run, undo }) => [run, undo])];
  const programs = commands.map((argv) => argv?.[0]).filter((name) => name !== undefined);
  const findings = [...new Set(programs)]
    .filter((name) => !isProgram(name, { ...environment, ...app.environment }))
    .map((name) => warning(check, `there is no program ${name}`, CORRECT));
  const { workingDirectory, boxArt } = app;
  if (workingDirectory !== undefined && !fs.existsSync(workingDirectory)) {
    findings.push(warning(check, `there is no folder ${workingDirectory}`, CORRECT));
  }
  const art = boxArt === undefined ? undefined : await readBoxArt(boxArt);
  if (art?.ok === false) findings.push(warning(check, `box art ${boxArt}: ${art.reason}`, CORRECT));
  return findings;
};

export const checkApps = async (
  apps: readonly AppConfig[],
  environment: Environment,
): Promise<readonly Finding[]> => {
  const findings = (await Promise.all(apps.map((app) => judgeApp(app, environment)))).flat();
  return findings.length > 0 ? findings : [ok('app.all', `${apps.length} can be launched`)];
};
