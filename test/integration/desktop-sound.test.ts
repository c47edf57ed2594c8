/** The sound of a desktop with a real sound server: programs play into the virtual sink, and all is put back after. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { DesktopSound } from '../../src/capture/sound/desktop-sound.js';
import { createSilentLogger } from '../../src/support/logger.js';
import { openStream, pair, probe } from '../support/client.js';
import { type PipeWire, sessionOf, startPipeWire } from '../support/pipewire.js';
import {
  addSpeakers,
  chosenSink,
  defaultSink,
  forgetChosenSink,
  pactl,
  playTones,
  sinkNames,
} from '../support/player.js';
import { Serve, showLogWhenFailed, TestHome, until } from '../support/serve.js';
import { TEST_TONES_HZ } from '../support/tones.js';

const SMALL = { mode: { width: 320, height: 180, fps: 30 }, bitrateKbps: 16_000 } as const;

describe('the sound of the desktop', function () {
  this.timeout(90_000);
  let pipewire: PipeWire;
  let home: TestHome;
  let serve: Serve;

  const startServe = (port?: number) =>
    Serve.start(home, ['--source', 'test', '--audio-source', 'desktop'], port);
  const ourSink = () => `lumen-${serve.port}`;
  const isRestored = () => defaultSink(pipewire) === 'speakers' && !sinkNames(pipewire).includes(ourSink());
  const stateFile = () => path.join(home.directory, 'state/lumen', `sound-${serve.port}.json`);

  before(async () => {
    pipewire = await startPipeWire({ pulse: true });
    const folder = pipewire.environment['XDG_RUNTIME_DIR'] ?? '';
    home = new TestHome({
      ...sessionOf(pipewire),
      PULSE_SERVER: `unix:${path.join(folder, 'pulse/native')}`,
    });
    await addSpeakers(pipewire);
    serve = await startServe();
    await pair(serve);
  });
  showLogWhenFailed(() => serve?.output);
  after(async () => {
    await serve?.stop();
    await pipewire?.stop();
    home?.remove();
  });

  it('reaches a 5.1 client with every channel in its place, and the speakers are the default again after', async () => {
    // It plays before the stream begins: it has to move to the virtual sink.
    const player = playTones(pipewire, 6);
    try {
      const stream = await openStream(serve, { ...SMALL, audioChannels: 6 });
      await until(
        async () => String((await stream.stats()).audio?.tonesHz) === String(TEST_TONES_HZ.slice(0, 6)),
        'the tones reach their channels',
        30_000,
      );
      assert.equal(defaultSink(pipewire), ourSink());
      assert.equal((await stream.stats()).audio?.lost, 0);
      assert.match(
        pactl(pipewire, 'list', 'sinks'),
        /node\.force-quantum = "512"/,
        'the step is not the program’s',
      );
      await stream.disconnect();
    } finally {
      await player.end();
    }
    await until(isRestored, 'the speakers are the default', 30_000);
    assert.equal(chosenSink(pipewire), 'speakers');
    await until(() => !fs.existsSync(stateFile()), 'nothing is left to put back');
  });

  it('stays audible at the host where the client asks for that', async () => {
    const player = playTones(pipewire, 2);
    try {
      const stream = await openStream(serve, { ...SMALL, playsAudioOnHost: true });
      await until(
        async () => String((await stream.stats()).audio?.tonesHz) === String(TEST_TONES_HZ.slice(0, 2)),
        'the tones of the speakers are heard',
        30_000,
      );
      assert.ok(isRestored(), 'nothing was changed');
      await stream.quit();
    } finally {
      await player.end();
    }
  });

  it('keeps running when nothing plays, and comes back when the sound server is restarted', async () => {
    const stream = await openStream(serve, SMALL);
    const packets = async () => (await stream.stats()).audio?.packets ?? 0;
    await until(async () => (await packets()) > 200, 'silence is sent', 20_000);
    await pipewire.restartPulse();
    await until(
      () => serve.output.includes('sound stopped, the picture goes on'),
      'the host notices',
      30_000,
    );
    const before = await packets();
    await until(async () => (await packets()) > before + 100, 'the sound is back', 30_000);
    await until(() => sinkNames(pipewire).includes(ourSink()), 'the virtual sink is back', 30_000);
    const player = playTones(pipewire, 2);
    try {
      const heard = async () => String((await stream.stats()).audio?.tonesHz);
      await until(async () => (await heard()) === String(TEST_TONES_HZ.slice(0, 2)), 'it is heard', 30_000);
    } finally {
      await player.end();
    }
    await stream.quit();
    await until(() => !sinkNames(pipewire).includes(ourSink()), 'the virtual sink is gone', 30_000);
  });

  it('is shared by the streams of a host, and the last of them puts the default back', async () => {
    const { environment } = home;
    const stateDir = home.directory;
    const desktop = new DesktopSound({ environment, stateDir, port: 1, logger: createSilentLogger() });
    const first = desktop.forStream({ channels: 6, playsOnHost: false });
    const second = desktop.forStream({ channels: 2, playsOnHost: false });
    assert.deepEqual(first.listen(), second.listen());
    await until(() => defaultSink(pipewire) === 'lumen-1', 'the virtual sink is the default', 30_000);
    await first.release();
    assert.equal(defaultSink(pipewire), 'lumen-1', 'the other stream still listens');
    await second.release();
    assert.ok(!sinkNames(pipewire).includes('lumen-1'));
    assert.ok(!fs.existsSync(path.join(stateDir, 'sound-1.json')));
  });

  it('puts the default back when the host is killed', async () => {
    pactl(pipewire, 'load-module', 'module-null-sink', 'sink_name=speakers', 'rate=48000', 'channels=2');
    await until(() => defaultSink(pipewire) === 'speakers', 'the speakers are the default');
    const stream = await openStream(serve, SMALL);
    await until(() => defaultSink(pipewire) === ourSink(), 'the virtual sink is the default', 30_000);
    await serve.stop('SIGKILL');
    await stream.vanish();
    await until(isRestored, 'the speakers are the default', 30_000);
    await until(() => !fs.existsSync(stateFile()), 'nothing is left to put back');
  });

  it('puts back at the start what the end of the machine kept it from', async () => {
    const { port } = serve;
    pactl(pipewire, 'load-module', 'module-null-sink', `sink_name=${ourSink()}`, 'channels=2');
    pactl(pipewire, 'set-default-sink', ourSink());
    fs.writeFileSync(stateFile(), '{"version":1,"previous":"speakers"}\n');
    serve = await startServe(port);
    await until(isRestored, 'the speakers are the default', 30_000);
    await until(() => !fs.existsSync(stateFile()), 'nothing is left to put back');
  });

  it('takes over a sink that is there still, and puts back what was before it', async () => {
    const { environment } = home;
    const stateDir = home.directory;
    pactl(pipewire, 'load-module', 'module-null-sink', 'sink_name=lumen-2', 'channels=2');
    pactl(pipewire, 'set-default-sink', 'lumen-2');
    fs.writeFileSync(path.join(stateDir, 'sound-2.json'), '{"version":1,"previous":"speakers"}\n');
    const logger = createSilentLogger();
    const hasTaken = new Promise<void>((resolve) => {
      logger.info = (_fields: unknown, text?: string) => {
        if (text === 'programs play into the virtual sink') resolve();
      };
    });
    const desktop = new DesktopSound({ environment, stateDir, port: 2, logger });
    const sound = desktop.forStream({ channels: 2, playsOnHost: false });
    sound.listen();
    await hasTaken;
    await sound.release();
    await until(() => chosenSink(pipewire) === 'speakers', 'the speakers are the default', 30_000);
    assert.ok(!sinkNames(pipewire).includes('lumen-2'));
  });

  it('leaves it to the server again where nothing was chosen before', async () => {
    pactl(pipewire, 'set-default-sink', 'speakers');
    forgetChosenSink(pipewire);
    const report = await probe(serve, { ...SMALL, seconds: 1, ending: 'quit' });
    assert.equal(report.failure, null, JSON.stringify(report.failure));
    await until(() => !sinkNames(pipewire).includes(ourSink()), 'the virtual sink is gone', 30_000);
    assert.equal(chosenSink(pipewire), '');
  });
});
