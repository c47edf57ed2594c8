/** A session bus of a test's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';

/**
 * The portal would have the bus start the document portal, which mounts a file system into the runtime folder: one that
 * outlives the bus, and ends only while the folder is being removed. Nothing here has a use for it.
 */
const DOCUMENT_PORTAL = 'org.freedesktop.portal.Documents';

const withoutDocumentPortal = (runtimeFolder: string): void => {
  const services = path.join(runtimeFolder, 'dbus-1', 'services');
  fs.mkdirSync(services, { recursive: true, mode: 0o700 });
  const file = `[D-BUS Service]\nName=${DOCUMENT_PORTAL}\nExec=/bin/false\n`;
  fs.writeFileSync(path.join(services, `${DOCUMENT_PORTAL}.service`), file);
};

/**
 * Starts a bus, the caller's to end.
 * @param environment of what the bus starts; its `XDG_RUNTIME_DIR` is the test's own
 */
export const startSessionBus = async (
  environment: NodeJS.ProcessEnv,
): Promise<{ daemon: ChildProcess; address: string }> => {
  withoutDocumentPortal(environment['XDG_RUNTIME_DIR'] ?? '');
  const daemon = spawn('dbus-daemon', ['--session', '--nofork', '--print-address=1'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(daemon.stdout, 'data')) as [Buffer];
  return { daemon, address: line.toString().trim() };
};
