/** A real KWin without a screen, beside a PipeWire daemon of the test's. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { killChild } from './children.js';
import type { PipeWire } from './pipewire.js';
import { until } from './serve.js';

export interface Kwin {
  /** What a program of its session has in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export interface KwinOptions {
  readonly width: number;
  readonly height: number;
  /** `XDG_DATA_HOME`: where it looks for the desktop entries of programs. None: it grants everything to everybody. */
  readonly dataHome?: string;
}

/** Debian's binary has file capabilities, which a container refuses: a copy has none. */
const copyProgram = (folder: string): string => {
  const program = path.join(folder, 'kwin_wayland');
  fs.copyFileSync('/usr/bin/kwin_wayland', program);
  fs.chmodSync(program, 0o755);
  return program;
};

export const startKwin = async (pipewire: PipeWire, options: KwinOptions): Promise<Kwin> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-kwin-'));
  const environment: NodeJS.ProcessEnv = {
    ...pipewire.environment,
    HOME: folder,
    XDG_CACHE_HOME: path.join(folder, 'cache'),
    XDG_CURRENT_DESKTOP: 'KDE',
    LIBGL_ALWAYS_SOFTWARE: '1',
    ...(options.dataHome === undefined
      ? { KWIN_WAYLAND_NO_PERMISSION_CHECKS: '1' }
      : { XDG_DATA_HOME: options.dataHome }),
  };
  // A socket of its own name: one that was killed leaves its own behind.
  const display = path.join(environment['XDG_RUNTIME_DIR'] ?? '', `wayland-${path.basename(folder)}`);
  const size = ['--width', String(options.width), '--height', String(options.height)];
  const kwin = spawn(
    copyProgram(folder),
    ['--virtual', '--no-lockscreen', '--socket', path.basename(display), ...size],
    { env: environment, stdio: 'ignore' },
  );
  const stop = async (): Promise<void> => {
    await killChild(kwin);
    fs.rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(() => fs.existsSync(display), 'KWin has a socket', 20_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return { environment: { WAYLAND_DISPLAY: display, XDG_CURRENT_DESKTOP: 'KDE' }, stop };
};
