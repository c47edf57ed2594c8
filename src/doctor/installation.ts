/** The service of `npm run install-host` or of the package: whether what it starts is still there. */
import fs from 'node:fs';
import path from 'node:path';
import type { LumenPaths } from '../config/paths.js';
import { type Finding, note, ok, warning } from './finding.js';

const PACKAGE_UNIT = '/usr/lib/systemd/user/lumen.service';

/** The absolute paths that `ExecStart` names, with or without quotes. */
const programsOf = (unit: string): readonly string[] => {
  const command = /^ExecStart=(.*)$/m.exec(unit)?.[1] ?? '';
  return [...command.matchAll(/"(\/[^"]+)"|(?:^|\s)(\/\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
};

/**
 * @param file of the user's own unit
 * @param unit its text
 * @param hasPackage whether the package has one, too
 */
export const judgeService = (file: string, unit: string, hasPackage: boolean): Finding => {
  const check = 'installation.service';
  const gone = programsOf(unit).find((program) => !fs.existsSync(program));
  if (gone !== undefined) {
    const remedy =
      'npm run install-host in the checkout that it is to start, or there: npm run uninstall-host';
    return warning(check, `${file} starts ${gone}, which is gone`, remedy);
  }
  if (hasPackage) {
    const remedy = 'to use the package run in the checkout: npm run uninstall-host';
    return note(check, `${file} hides the service of the package and starts a checkout`, remedy);
  }
  return ok(check, `${file} starts ${programsOf(unit).join(' ')}`);
};

export const checkInstallation = async ({ configDir }: LumenPaths): Promise<readonly Finding[]> => {
  const file = path.join(path.dirname(configDir), 'systemd', 'user', 'lumen.service');
  const hasPackage = fs.existsSync(PACKAGE_UNIT);
  if (fs.existsSync(file)) return [judgeService(file, fs.readFileSync(file, 'utf8'), hasPackage)];
  const text = hasPackage
    ? `${PACKAGE_UNIT} is there`
    : 'no service is installed: lumen serve is started by hand';
  return [ok('installation.service', text)];
};
