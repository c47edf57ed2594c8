import assert from 'node:assert/strict';
import { parseLaunchRequest } from '../../../src/nvhttp/launch-request.js';
import { parseQuery } from '../../../src/nvhttp/query.js';
import { isSupportedVersion } from '../../../src/probe/host-info.js';
import { buildLaunchQuery, chooseApp, chooseVerb, createLaunchKeys } from '../../../src/probe/launch.js';
import { LumenError } from '../../../src/support/errors.js';

const desktop = { id: 11, title: 'Desktop' };
const game = { id: 22, title: 'A Game' };

const failsAt = (stage: string) => (error: unknown) =>
  error instanceof LumenError && error.code === 'LUMEN_PROBE_FAILED' && error.details['stage'] === stage;

const OPTIONS = {
  mode: { width: 1280, height: 720, fps: 60 },
  audioChannels: 2,
  playsAudioOnHost: false,
} as const;

describe('probe/launch', () => {
  it('chooses an app by name, by id, or the one that runs, or the first', () => {
    const apps = [desktop, game];
    assert.equal(chooseApp(apps, 'a game', 0), game);
    assert.equal(chooseApp(apps, '22', 0), game);
    assert.equal(chooseApp(apps, null, 22), game);
    assert.equal(chooseApp(apps, null, 0), desktop);
  });

  it('names the apps there are when the wanted one is not among them', () => {
    assert.throws(() => chooseApp([desktop], 'Steam', 0), failsAt('applist'));
    assert.throws(() => chooseApp([], null, 0), failsAt('applist'));
    assert.throws(
      () => chooseApp([desktop, game], 'Steam', 0),
      (error: unknown) => error instanceof LumenError && error.remedy.includes('"Desktop", "A Game"'),
    );
  });

  it('resumes the app that runs and does not touch another one', () => {
    assert.equal(chooseVerb('auto', desktop, 0), 'launch');
    assert.equal(chooseVerb('auto', desktop, 11), 'resume');
    assert.throws(() => chooseVerb('auto', desktop, 22), failsAt('launch'));
    assert.equal(chooseVerb('resume', desktop, 0), 'resume');
    assert.equal(chooseVerb('launch', desktop, 22), 'launch');
  });

  it('sends a query that a host accepts', () => {
    const keys = createLaunchKeys();
    const options = { ...OPTIONS, plainRtsp: false, bitDepth: 8 } as const;
    const query = buildLaunchQuery(options, desktop, keys);
    const text = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) text.set(name, String(value));
    const parsed = parseQuery(text.toString());
    assert.ok(parsed.ok);
    const result = parseLaunchRequest('launch', parsed.query);
    assert.ok(result.ok);
    assert.deepEqual(result.request.riKey, keys.riKey);
    assert.equal(result.request.riKeyId, keys.riKeyId >>> 0);
    assert.equal(result.request.appId, 11);
    assert.equal(result.request.coreVersion, 1);
    assert.deepEqual(result.request.mode, { width: 1280, height: 720, fps: 60 });
  });

  it('tells the speakers and whether the host plays along', () => {
    const options = {
      ...OPTIONS,
      plainRtsp: false,
      bitDepth: 8,
      audioChannels: 8,
      playsAudioOnHost: true,
    } as const;
    const query = buildLaunchQuery(options, desktop, createLaunchKeys());
    assert.equal(query['surroundAudioInfo'], 0x63f0008);
    assert.equal(query['localAudioPlayMode'], 1);
  });

  it('makes new keys for every launch', () => {
    assert.notDeepEqual(createLaunchKeys().riKey, createLaunchKeys().riKey);
  });

  it('says that it is too old for encrypted RTSP when asked to be', () => {
    const options = { ...OPTIONS, plainRtsp: true, bitDepth: 8 } as const;
    assert.equal(buildLaunchQuery(options, desktop, createLaunchKeys())['corever'], 0);
  });

  it('asks for HDR with ten bits, as clients do', () => {
    const options = { ...OPTIONS, plainRtsp: false, bitDepth: 10 } as const;
    assert.equal(buildLaunchQuery(options, desktop, createLaunchKeys())['hdrMode'], 1);
  });

  it('knows which generations of hosts it can talk to', () => {
    for (const version of ['7.1.431.-1', '7.1.431.0', '7.2.0.0', '8.0.0.0']) {
      assert.equal(isSupportedVersion(version), true, version);
    }
    for (const version of ['', '7.1.430.0', '6.9.999.0', '7', '7.1', 'x.y.z']) {
      assert.equal(isSupportedVersion(version), false, version);
    }
  });
});
