/**
 * The two ways to ask that a machine stays awake. Each lasts as long as something of this process that the kernel ends
 * with it, so that a host that is killed leaves nothing behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Environment } from '../config/paths.js';
import { MessageBus, sessionBusAddress } from '../support/dbus.js';
import { DesktopPortal, PORTAL_RESPONSE } from '../support/desktop-portal.js';
import { describeError } from '../support/errors.js';

const REASON = 'A Moonlight client is streaming';
/** `idle` keeps the desktop from blanking the picture that is streamed. */
const LOGIND_LOCK = ['--what=sleep:idle', '--who=Lumen', `--why=${REASON}`, '--mode=block'];
/** Of org.freedesktop.portal.Inhibit. */
const PORTAL_FLAG = { suspend: 4, idle: 8 } as const;
const PORTAL_ANSWER_DEADLINE_MS = 5000;
const MAX_ERROR_CHARACTERS = 300;

export interface SleepLockEvents {
  /** It holds from now on. */
  onHeld(): void;
  /** It could not be had, or is gone: once, and nothing after it. */
  onLost(problem: string): void;
}

/** Asks for a lock. Nothing is told before the call has returned. @returns what lets go of it, also while it is asked for */
export type TakeSleepLock = (environment: Environment, events: SleepLockEvents) => () => void;

/** logind's inhibitor lock, held by `systemd-inhibit` while its `cat` has an open standard input. */
export const takeLogindLock: TakeSleepLock = (environment, { onHeld, onLost }) => {
  // A process that has no descriptor left gets a child without pipes.
  const child: ChildProcess = spawn('systemd-inhibit', [...LOGIND_LOCK, 'cat'], { env: { ...environment } });
  let problem = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    problem = (problem + chunk.toString()).slice(0, MAX_ERROR_CHARACTERS);
  });
  // cat starts when the lock is there: the first thing that it gives back says so.
  child.stdout?.once('data', onHeld);
  // The child's end is told by `close`; a pipe that broke before says nothing more.
  child.stdin?.on('error', () => undefined);
  child.stdin?.write('\n');
  child.once('error', (error: NodeJS.ErrnoException) => {
    problem = error.code === 'ENOENT' ? 'systemd-inhibit is not installed' : error.message;
  });
  child.once('close', (code) => onLost(problem.trim() || `systemd-inhibit ended with status ${code}`));
  return () => child.stdin?.end();
};

const inhibitByPortal = async (portal: DesktopPortal): Promise<void> => {
  const { code } = await portal.request(
    { interface: 'org.freedesktop.portal.Inhibit', member: 'Inhibit' },
    'su',
    ['', PORTAL_FLAG.suspend | PORTAL_FLAG.idle],
    { reason: ['s', REASON] },
    PORTAL_ANSWER_DEADLINE_MS,
  );
  if (code !== PORTAL_RESPONSE.success) throw new Error('the desktop refused');
};

/** The desktop portal's inhibition, which ends with the connection that asked for it. */
export const takePortalLock: TakeSleepLock = (environment, { onHeld, onLost }) => {
  let bus: MessageBus | undefined;
  const onEnd = (problem: string): void => {
    bus?.close();
    onLost(problem);
  };
  const take = async (): Promise<void> => {
    const address = sessionBusAddress(environment);
    if (address === undefined) throw new Error('there is no session bus');
    bus = new MessageBus(address);
    const portal = new DesktopPortal(bus);
    await inhibitByPortal(portal);
    portal.onGone(() => onEnd('the desktop portal ended'));
    bus.onLost(onEnd);
    onHeld();
  };
  take().catch((error: unknown) => onEnd(describeError(error)));
  return () => bus?.close();
};
