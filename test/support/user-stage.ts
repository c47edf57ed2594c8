/** Encoder stages in the configuration folder of a test's user. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestHome } from './serve.js';

/** The folder of the descriptions that Lumen brings. */
export const SHIPPED = fileURLToPath(new URL('../../../pipelines/', import.meta.url));

/** Copies the shipped x264 stage into the user's folder, changed. @returns the copy's path */
export const addStage = (home: TestHome, name: string, change: (text: string) => string): string => {
  const file = path.join(home.environment['XDG_CONFIG_HOME'] ?? '', 'lumen/pipelines/encoders', name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, change(fs.readFileSync(path.join(SHIPPED, 'encoders/x264.toml'), 'utf8')));
  return file;
};
