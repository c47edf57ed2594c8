/** The clock, and what this user may do on this machine. */
import fs from 'node:fs';
import path from 'node:path';
import type { LumenPaths } from '../config/paths.js';
import { type Finding, note, ok, problem, warning } from './finding.js';

const CLOCK_SOURCE_FILE = '/sys/devices/system/clocksource/clocksource0/current_clocksource';
/** Reading these costs a system call or a slow bus each time, and sending reads the clock for every group. */
const SLOW_CLOCK_SOURCES: readonly string[] = ['hpet', 'acpi_pm', 'jiffies'];
const FIRST_YEAR = 2024;
const UINPUT = '/dev/uinput';
const RENDER_FOLDER = '/dev/dri';

/** @param clockSource as the kernel names it, empty when it does not tell */
export const judgeClock = (clockSource: string, now: Date): readonly Finding[] => {
  if (now.getFullYear() < FIRST_YEAR) {
    const date = now.toISOString().slice(0, 10);
    return [
      warning(
        'system.clock',
        `the clock says ${date}: new certificates would be dated wrong`,
        'sudo timedatectl set-ntp true',
      ),
    ];
  }
  if (SLOW_CLOCK_SOURCES.includes(clockSource)) {
    return [
      warning(
        'system.clock',
        `the kernel takes the time from ${clockSource}, which is slow: frames leave late`,
        'see why in: sudo dmesg | grep -i clocksource (often tsc was found unstable; a firmware update may help)',
      ),
    ];
  }
  return [ok('system.clock', `the clock is set, from ${clockSource || 'an unnamed source'}`)];
};

export const checkClock = async (): Promise<readonly Finding[]> =>
  judgeClock(readText(CLOCK_SOURCE_FILE).trim(), new Date());

const readText = (file: string): string => {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

const canUse = (file: string, mode: number): boolean => {
  try {
    fs.accessSync(file, mode);
    return true;
  } catch {
    return false;
  }
};

const RULES_REMEDY =
  'install the udev rule of packaging/60-lumen.rules, or add yourself to the group: sudo usermod -aG input "$USER"';

const judgeInput = (): Finding => {
  const check = 'permissions.input';
  if (!fs.existsSync(UINPUT)) {
    return note(
      check,
      `there is no ${UINPUT}: nothing needs it while input of clients is only counted`,
      'sudo modprobe uinput',
    );
  }
  if (canUse(UINPUT, fs.constants.W_OK)) return ok(check, `${UINPUT} can be written`);
  return note(
    check,
    `${UINPUT} cannot be written: nothing needs it while input of clients is only counted`,
    RULES_REMEDY,
  );
};

const judgeGpu = (): Finding => {
  const check = 'permissions.gpu';
  const nodes = fs.existsSync(RENDER_FOLDER)
    ? fs.readdirSync(RENDER_FOLDER).filter((name) => name.startsWith('renderD'))
    : [];
  if (nodes.length === 0) {
    return note(
      check,
      'there is no render node: pictures are encoded by the processor',
      'install the driver of the graphics card, if there is one',
    );
  }
  const closed = nodes.filter(
    (name) => !canUse(path.join(RENDER_FOLDER, name), fs.constants.R_OK | fs.constants.W_OK),
  );
  if (closed.length === 0) return ok(check, `${nodes.join(', ')} can be used`);
  return warning(
    check,
    `${closed.join(', ')} cannot be used by this user`,
    'sudo usermod -aG render,video "$USER", then log in again',
  );
};

/** @param limits text of /proc/PID/limits @param userId 0 is root, whom the limit does not bind */
export const judgeRealtime = (limits: string, userId: number): Finding => {
  const check = 'permissions.realtime';
  const limit = /^Max realtime priority\s+(\S+)/m.exec(limits)?.[1] ?? '0';
  if (userId === 0 || limit !== '0') return ok(check, 'threads may have real-time priority');
  return note(
    check,
    'threads may not have real-time priority: frames leave late while the processor is busy',
    `echo '@input - rtprio 20' | sudo tee /etc/security/limits.d/60-lumen.conf, then log in again`,
  );
};

const judgeFolder = (folder: string, what: string): Finding => {
  const check = 'permissions.folders';
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) return ok(check, `${what} ${folder} will be made at the first start`);
  if (!stat.isDirectory())
    return problem(check, `${what} ${folder} is no folder`, `mv ${folder} ${folder}.old`);
  if (stat.uid !== process.getuid?.()) {
    return problem(check, `${what} ${folder} belongs to another user`, `sudo chown -R "$USER" ${folder}`);
  }
  if ((stat.mode & 0o077) !== 0) {
    return problem(check, `${what} ${folder} is open to other users`, `chmod 700 ${folder}`);
  }
  return ok(check, `${what} ${folder} is private`);
};

/* The file names programs that are run: who may change it may do all that its owner may. */
const judgeConfigFile = (file: string): Finding => {
  const check = 'permissions.config';
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return ok(check, `there is no ${file}: the defaults count`);
  if ((stat.mode & 0o022) === 0) return ok(check, `${file} can be changed by its owner alone`);
  return warning(
    check,
    `${file} can be changed by other users, and names programs to run`,
    `chmod go-w ${file}`,
  );
};

export const checkPermissions = async (paths: LumenPaths): Promise<readonly Finding[]> => [
  judgeFolder(paths.stateDir, 'the state folder'),
  judgeFolder(paths.runtimeDir, 'the runtime folder'),
  judgeConfigFile(paths.configFile),
  judgeInput(),
  judgeGpu(),
  judgeRealtime(readText('/proc/self/limits'), process.getuid?.() ?? 0),
];
