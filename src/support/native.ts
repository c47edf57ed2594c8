/**
 * Finds and loads the project's own Node addons (`native/`), which meson puts into `build/native/`.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeError, LumenError } from './errors.js';

const require = createRequire(import.meta.url);

const packageRoot = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
};

/** The folder that holds the addons: `LUMEN_NATIVE_DIR`, or `build/native` of this package. */
export const nativeFolder = (): string =>
  process.env['LUMEN_NATIVE_DIR'] ?? join(packageRoot(), 'build', 'native');

/** Path of a program that Lumen starts (`native/`); meson puts it beside the addons. */
export const helperProgram = (name: 'lumen-kwin-output'): string => join(nativeFolder(), name);

/**
 * Loads the addon `name`.node. The caller knows its shape: each addon has one typed binding.
 * @throws LumenError LUMEN_NATIVE_MISSING when it is not built or does not fit this Node
 */
export const loadNative = (name: 'sockets' | 'enet' | 'dbus'): unknown => {
  try {
    return require(join(nativeFolder(), `${name}.node`));
  } catch (error) {
    const problem = describeError(error).split('\n')[0] ?? '';
    throw new LumenError('LUMEN_NATIVE_MISSING', { name, problem }, error);
  }
};
