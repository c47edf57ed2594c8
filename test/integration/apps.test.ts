/** Configured apps as a client meets them: list, picture, launch, end, and a host that is killed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { createPlaceholderPng } from '../../src/nvhttp/placeholder-art.js';
import { cancelApp, fetchApps, openPairedHost } from '../../src/probe/host-info.js';
import { createSilentLogger } from '../../src/support/logger.js';
import { openStream, pair, probe } from '../support/client.js';
import { type PipeWire, startPipeWire } from '../support/pipewire.js';
import { isAlive, Serve, showLogWhenFailed, TestHome, until } from '../support/serve.js';

const MODE = { width: 640, height: 360, fps: 30 };

describe('configured apps', function () {
  this.timeout(120_000);
  const home = new TestHome();
  const journal = path.join(home.directory, 'journal');
  const art = path.join(home.directory, 'art.png');
  let serve: Serve;
  let pipewire: PipeWire;

  const shell = (script: string): string =>
    JSON.stringify(['sh', '-c', script.replaceAll('JOURNAL', journal)]);
  const readJournal = (): string[] => fs.readFileSync(journal, 'utf8').split('\n').slice(0, -1);
  const startHost = async (): Promise<void> => {
    serve = await Serve.start(home);
  };

  before(async () => {
    pipewire = await startPipeWire();
    home.environment['PIPEWIRE_RUNTIME_DIR'] = pipewire.environment['PIPEWIRE_RUNTIME_DIR'];
    await pipewire.startProducer({ name: 'lumen-app', ...MODE });
    const [program, ...args] = JSON.parse(
      shell('echo $$ $LUMEN_APP_TITLE $LUMEN_CLIENT_WIDTH >> JOURNAL; exec sleep 600'),
    ) as string[];
    // The placeholder is a PNG at hand; a text chunk behind it makes it another.
    fs.writeFileSync(art, Buffer.concat([createPlaceholderPng(), Buffer.from('mine')]));
    fs.mkdirSync(path.join(home.directory, 'config', 'lumen'));
    fs.writeFileSync(
      path.join(home.directory, 'config', 'lumen', 'config.toml'),
      `
[[apps]]
title = "Game"
command = ${JSON.stringify(program)}
arguments = ${JSON.stringify(args)}
preparation = [{ run = ${shell('echo prepared >> JOURNAL')}, undo = ${shell('echo undone >> JOURNAL')} }]
box_art = ${JSON.stringify(art)}
audio_source = "none"
[[apps]]
title = "Short"
command = "sh"
arguments = ["-c", "sleep 2"]
[[apps]]
title = "Unprepared"
preparation = [{ run = ${shell('echo no such display; exit 1')} }]
[[apps]]
title = "Odd encoder"
encoder = "nothere"
[[apps]]
title = "Screen"
source = "pipewire:lumen-app"
encoder = "openh264"
`,
    );
    await startHost();
    await pair(serve);
  });
  beforeEach(() => fs.writeFileSync(journal, ''));
  after(async () => {
    await serve.stop();
    home.remove();
    await pipewire.stop();
  });
  showLogWhenFailed(() => serve.output);

  const fetchArt = async (appId: number): Promise<Buffer> => {
    const { tls } = await openPairedHost(hostOptions());
    const request = https.get({
      host: '127.0.0.1',
      port: serve.port - 5,
      path: `/appasset?appid=${appId}&AssetType=2&AssetIdx=0`,
      cert: tls.certPem,
      key: tls.keyPem,
      rejectUnauthorized: false,
    });
    const [response] = await once(request, 'response');
    return Buffer.concat(await response.toArray());
  };
  const hostOptions = () => ({
    address: { host: '127.0.0.1', port: serve.port },
    stateDir: home.probeStateDir,
    logger: createSilentLogger(),
  });
  const waitForGame = async (): Promise<number> =>
    Number(
      (await until(() => readJournal().find((line) => /^\d+ Game 640$/.test(line)), 'the game runs')).split(
        ' ',
      )[0],
    );

  it('are listed under ids that stay, with their pictures', async () => {
    const apps = await fetchApps(hostOptions(), await openPairedHost(hostOptions()));
    assert.deepEqual(
      apps.map(({ title }) => title),
      ['Desktop', 'Game', 'Short', 'Unprepared', 'Odd encoder', 'Screen'],
    );
    const shown = await home.lumen(['apps', '--json']);
    const configured = JSON.parse(shown.stdout) as { id: number }[];
    assert.deepEqual(
      configured.map(({ id }) => id),
      apps.map(({ id }) => id),
    );
    assert.ok((await fetchArt(apps[1]?.id ?? 0)).equals(fs.readFileSync(art)));
    assert.ok((await fetchArt(apps[0]?.id ?? 0)).equals(createPlaceholderPng()));
    const text = await home.lumen(['apps']);
    assert.match(text.stdout, /Game \(\d+\)\n {2}starts sh -c/);
    assert.match(text.stdout, /clients draw the title over pictures of 130x180 pixels/);
  });

  it('are prepared, run while the session is kept, and end at quit with what was prepared undone', async () => {
    const first = await openStream(serve, { app: 'game', mode: MODE });
    assert.notEqual(await first.firstFrame, null);
    const pid = await waitForGame();
    await first.disconnect();
    assert.ok(isAlive(pid), 'the app stays for a resume');
    await until(async () => {
      const status = await home.lumen(['status', '--port', String(serve.port)]);
      return /session \w+: Game, suspended/.test(status.stdout);
    }, 'the session is kept');
    const second = await openStream(serve, { app: 'game', mode: MODE });
    assert.notEqual(await second.firstFrame, null);
    const report = await second.quit();
    assert.equal(report.request.verb, 'resume');
    assert.equal(report.audio?.packets ?? 0, 0, 'the app has its own audio_source');
    await until(() => readJournal().at(-1) === 'undone', 'what was prepared is undone');
    assert.ok(!isAlive(pid));
    assert.equal(readJournal()[0], 'prepared');
  });

  it('end their stream when they end', async () => {
    const stream = await openStream(serve, { app: 'Short', mode: MODE });
    const end = await stream.ended;
    assert.equal(end.hostCode, 0x80030023);
    assert.equal(end.code, 0, end.text);
    await stream.vanish();
    assert.match(serve.output, /"reason":"app-exited"/);
    assert.deepEqual((await serve.status()).sessions, []);
  });

  it('that cannot be prepared, or whose encoder is not there, are refused with the reason', async () => {
    const unprepared = await probe(serve, { app: 'Unprepared', mode: MODE, seconds: 1 });
    assert.match(unprepared.failure?.problem ?? '', /Unprepared cannot be started: .*no such display/);
    const odd = await probe(serve, { app: 'Odd encoder', mode: MODE, seconds: 1, ending: 'quit' });
    assert.notEqual(odd.failure, null);
    assert.match(serve.output, /nothere/);
    await cancelApp(hostOptions(), await openPairedHost(hostOptions()));
  });

  it('show what they are set to show, by the encoder that they are set to have', async () => {
    const stream = await openStream(serve, { app: 'Screen', mode: MODE });
    assert.notEqual(await stream.firstFrame, null);
    await stream.quit();
    assert.match(serve.output, /"capture":"pipewire".*"msg":"capture opened"/);
    assert.match(serve.output, /"stage":"openh264".*"msg":"encoder chosen"/);
  });

  it('end with the host, undone; and after it was killed, when it starts again', async () => {
    const stream = await openStream(serve, { app: 'game', mode: MODE });
    const pid = await waitForGame();
    await serve.stop();
    await stream.vanish();
    assert.ok(!isAlive(pid));
    assert.equal(readJournal().at(-1), 'undone');
    await startHost();
    fs.writeFileSync(journal, '');
    const again = await openStream(serve, { app: 'game', mode: MODE });
    const orphan = await waitForGame();
    await serve.stop('SIGKILL');
    await again.vanish();
    assert.ok(isAlive(orphan), 'nobody could end it yet');
    await startHost();
    assert.ok(!isAlive(orphan));
    assert.equal(readJournal().at(-1), 'undone');
    assert.match(serve.output, /a host was killed while this app ran/);
  });
});
