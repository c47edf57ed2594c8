import assert from 'node:assert/strict';
import type { CaptureBackend } from '../../../src/capture/capture.js';
import { adviseDesktop, chooseBackend, createBackends, judgeBackends } from '../../../src/capture/detect.js';
import type { SourceKind } from '../../../src/config/settings.js';
import { LumenError } from '../../../src/support/errors.js';
import { createSilentLogger } from '../../../src/support/logger.js';

const backend = (name: SourceKind, isUsable: boolean): CaptureBackend => ({
  name,
  title: name,
  stageFor: () => name,
  check: async (target) => {
    if (isUsable) return `yes, ${target ?? 'anything'}`;
    throw new LumenError('LUMEN_SOURCE_MISSING', { source: name, alternatives: '' });
  },
  list: async () => [],
  open: () => Promise.reject(new Error('not opened by these tests')),
  removeStale: async () => undefined,
});

describe('the choice of a back end', () => {
  it('auto takes the first that is usable and says why', async () => {
    const { backend: chosen, reason } = await chooseBackend([backend('test', true)], { kind: 'auto' });
    assert.equal(chosen.name, 'test');
    assert.equal(reason, 'yes, anything');
  });

  it('auto never takes a PipeWire node by itself', async () => {
    const backends = [backend('pipewire', true), backend('test', true)];
    assert.equal((await chooseBackend(backends, { kind: 'auto' })).backend.name, 'test');
  });

  it('a named source is taken with its target, or its own reason is the refusal', async () => {
    const choice = await chooseBackend([backend('pipewire', true)], { kind: 'pipewire', target: 'x' });
    assert.deepEqual([choice.target, choice.reason], ['x', 'yes, x']);
    await assert.rejects(
      chooseBackend([backend('pipewire', false)], { kind: 'pipewire', target: 'x' }),
      (error) => error instanceof LumenError && error.code === 'LUMEN_SOURCE_MISSING',
    );
  });

  it('both verdicts are kept, in order', async () => {
    const { usable, refused } = await judgeBackends([backend('test', true)]);
    assert.deepEqual([usable.map((one) => one.backend.name), refused], [['test'], []]);
    const other = await judgeBackends([backend('test', false)]);
    assert.deepEqual(
      other.refused.map(({ error }) => error.code),
      ['LUMEN_SOURCE_MISSING'],
    );
  });

  it('every desktop that does not run says so under its own name, once, and what to do', async () => {
    const backends = createBackends({ environment: {}, stateDir: '/nowhere', logger: createSilentLogger() });
    const desktops = backends.filter(({ name }) =>
      ['mutter', 'kwin', 'sway', 'hyprland', 'portal'].includes(name),
    );
    const { usable, refused } = await judgeBackends(desktops);
    assert.deepEqual([usable, refused.length], [[], 5]);
    for (const { backend: desktop, error } of refused) {
      assert(error.message.includes(`${desktop.title} gives no picture: `), error.message);
      assert.match(error.remedy, /or choose another source: lumen sources|--source/, error.remedy);
    }
  });

  it('says plainly that a desktop runs of which nothing gives a picture, and what to install', async () => {
    const none = await judgeBackends([
      backend('sway', false),
      backend('portal', false),
      backend('test', true),
    ]);
    const advice = adviseDesktop(none, { WAYLAND_DISPLAY: 'wayland-1' });
    assert.match(advice?.text ?? '', /nothing gives a picture of the desktop at wayland-1/);
    assert.match(advice?.remedy ?? '', /xdg-desktop-portal-wlr/);
    assert.equal(adviseDesktop(none, {}), undefined, 'no desktop');
    const portal = await judgeBackends([backend('portal', true), backend('test', true)]);
    assert.equal(adviseDesktop(portal, { WAYLAND_DISPLAY: 'wayland-1' }), undefined);
  });
});
