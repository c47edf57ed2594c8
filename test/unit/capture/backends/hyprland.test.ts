/** Against a stand-in that speaks Hyprland's IPC over real sockets: Hyprland itself needs a graphics card. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createHyprlandBackend } from '../../../../src/capture/backends/hyprland.js';
import type { CaptureContext } from '../../../../src/capture/capture.js';
import { createSilentLogger } from '../../../../src/support/logger.js';

const INSTANCE = 'b1d83a_1700000000_1';
const MODE = { width: 1024, height: 576, fps: 60 };

interface Monitor {
  name: string;
  description: string;
  width: number;
  height: number;
  disabled: boolean;
}

describe('the Hyprland back end', () => {
  let folder: string;
  let context: CaptureContext;
  let servers: net.Server[];
  let watchers: net.Socket[];
  let monitors: Monitor[];
  let asked: string[];
  /** Configurations in Lua know no `keyword`. */
  let isLua: boolean;

  const answer = (question: string): string => {
    asked.push(question);
    if (question === 'j/monitors all') return JSON.stringify(monitors);
    const created = /^output create headless (\S+)$/.exec(question)?.[1];
    if (created !== undefined) {
      monitors.push({ name: created, description: '', width: 1920, height: 1080, disabled: false });
      return 'ok';
    }
    const removed = /^output remove (\S+)$/.exec(question)?.[1];
    if (removed !== undefined) {
      monitors = monitors.filter(({ name }) => name !== removed);
      return 'ok';
    }
    if (/^(keyword|dispatch) /.test(question) && isLua) return 'unknown request';
    const [, name, width, height] =
      /^keyword monitor ([^,]+),(\d+)x(\d+)@/.exec(question) ??
      /output="([^"]+)",mode="(\d+)x(\d+)@/.exec(question) ??
      [];
    const monitor = monitors.find((candidate) => candidate.name === name);
    if (monitor !== undefined) Object.assign(monitor, { width: Number(width), height: Number(height) });
    return 'ok';
  };

  const listen = (name: string, onSocket: (socket: net.Socket) => void): Promise<void> =>
    new Promise((resolve) => {
      const server = net.createServer(onSocket).listen(path.join(folder, 'hypr', INSTANCE, name), resolve);
      servers.push(server);
    });

  beforeEach(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-hypr-'));
    fs.mkdirSync(path.join(folder, 'hypr', INSTANCE), { recursive: true });
    fs.mkdirSync(path.join(folder, 'bin'));
    fs.writeFileSync(path.join(folder, 'bin', 'hyprctl'), `#!/bin/sh\necho "$@" >'${folder}/released'\n`, {
      mode: 0o755,
    });
    monitors = [{ name: 'DP-1', description: 'Some Maker 27"', width: 2560, height: 1440, disabled: false }];
    [asked, servers, watchers, isLua] = [[], [], [], false];
    await listen('.socket.sock', (socket) =>
      socket.on('data', (chunk: Buffer) => socket.end(answer(chunk.toString()))),
    );
    await listen('.socket2.sock', (socket) => watchers.push(socket));
    const environment = {
      PATH: `${path.join(folder, 'bin')}:${process.env['PATH']}`,
      XDG_RUNTIME_DIR: folder,
      WAYLAND_DISPLAY: 'wayland-1',
      HYPRLAND_INSTANCE_SIGNATURE: INSTANCE,
    };
    context = { environment, stateDir: folder, logger: createSilentLogger() };
  });
  afterEach(async () => {
    for (const socket of watchers) socket.destroy();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const ignoring = { onEnded: () => undefined, onResized: () => undefined };

  for (const lua of [false, true]) {
    it(`makes an output at the client’s mode with a configuration in ${lua ? 'Lua' : 'hyprlang'}, and removes it`, async () => {
      isLua = lua;
      const capture = await createHyprlandBackend(context).open({ mode: MODE, cursor: 'embedded' }, ignoring);
      const made = monitors.at(-1);
      assert.match(made?.name ?? '', new RegExp(`^LUMEN-${process.pid}-\\d+$`));
      assert.deepEqual([made?.width, made?.height], [1024, 576]);
      assert.deepEqual(capture.properties, { display: `${folder}/wayland-1`, output: made?.name });
      assert.equal(await capture.describeFormat(), 'shared memory, 1024x576');
      assert.equal(asked.filter((question) => question.includes('focus')).length, lua ? 2 : 1);
      await capture.close();
      const released = fs.readFileSync(path.join(folder, 'released'), 'utf8');
      assert.equal(released, `--instance ${INSTANCE} output remove ${made?.name}\n`);
    });
  }

  it('puts its output back to the client’s mode, but not for ever against somebody who insists', async () => {
    const capture = await createHyprlandBackend(context).open({ mode: MODE, cursor: 'embedded' }, ignoring);
    const made = monitors.at(-1);
    assert(made);
    const sizes: number[] = [];
    for (let time = 0; time < 5; time += 1) {
      made.width = 640;
      await capture.check();
      sizes.push(made.width);
    }
    assert.deepEqual(sizes, [1024, 1024, 1024, 640, 640]);
    await capture.close();
  });

  it('shows one monitor as it is, and names those that there are', async () => {
    const backend = createHyprlandBackend(context);
    const capture = await backend.open({ mode: MODE, cursor: 'embedded', target: 'DP-1' }, ignoring);
    await capture.check();
    await capture.close();
    assert.deepEqual(
      asked.filter((question) => !question.startsWith('j/')),
      [],
    );
    await assert.rejects(backend.check('DP-9'), /hyprland:DP-9 does not exist; there are: DP-1/);
    assert.deepEqual(await backend.list(), [{ name: 'DP-1', description: 'Some Maker 27"' }]);
  });

  it('tells when the output or Hyprland goes', async () => {
    const ended: string[] = [];
    const events = { ...ignoring, onEnded: (reason: string) => ended.push(reason) };
    const capture = await createHyprlandBackend(context).open(
      { mode: MODE, cursor: 'embedded', target: 'DP-1' },
      events,
    );
    while (watchers.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    watchers[0]?.write('monitorremoved>>DP-2\nmonitorrem');
    watchers[0]?.write('oved>>DP-1\n');
    watchers[0]?.end();
    while (ended.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(ended, ['the output DP-1 is gone', 'Hyprland is gone']);
    await capture.close();
  });

  it('removes the outputs of hosts that are gone, and no others', async () => {
    const { pid } = spawnSync('true');
    for (const name of [`LUMEN-${pid}-1`, `LUMEN-${process.pid}-7`, 'LUMEN-mine'])
      monitors.push({ name, description: '', width: 1, height: 1, disabled: false });
    await createHyprlandBackend(context).removeStale();
    assert.deepEqual(
      monitors.map(({ name }) => name),
      ['DP-1', `LUMEN-${process.pid}-7`, 'LUMEN-mine'],
    );
  });

  it('says why it is not usable outside of Hyprland', async () => {
    const elsewhere = createHyprlandBackend({ ...context, environment: {} });
    await assert.rejects(elsewhere.check(), /HYPRLAND_INSTANCE_SIGNATURE is not set/);
  });
});
