/** Ten minutes of 5.1 sound from a program on the desktop, by a real sound server, to the probe: no sample is missing. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStream, pair } from '../support/client.js';
import { startPipeWire } from '../support/pipewire.js';
import { addSpeakers, defaultSink, playTones, sinkNames } from '../support/player.js';
import { Serve, TestHome, until } from '../support/serve.js';
import { TEST_TONES_HZ } from '../support/tones.js';
import { atLeast, atMost, type Figure, shown } from './figures.js';

const SECONDS = 600;
/** Until the program plays into the virtual sink; and from then on until the measuring has settled. */
const MOVING_DEADLINE_MS = 60_000;
const SETTLING_MS = 3000;
/** The picture is not what is measured. */
const STREAM = { mode: { width: 160, height: 96, fps: 10 }, bitrateKbps: 16_000, audioChannels: 6 } as const;

export const soundFigures = async (seconds = SECONDS): Promise<Figure[]> => {
  const pipewire = await startPipeWire({ pulse: true });
  const folder = pipewire.environment['XDG_RUNTIME_DIR'] ?? '';
  const home = new TestHome({
    PIPEWIRE_RUNTIME_DIR: folder,
    PULSE_SERVER: `unix:${path.join(folder, 'pulse/native')}`,
  });
  await addSpeakers(pipewire);
  const player = playTones(pipewire, 6);
  const serve = await Serve.start(home, ['--source', 'test', '--audio-source', 'desktop']);
  try {
    await pair(serve);
    const stream = await openStream(serve, STREAM);
    const heard = async () => String((await stream.stats()).audio?.tonesHz);
    const wanted = String(TEST_TONES_HZ.slice(0, STREAM.audioChannels));
    await until(async () => (await heard()) === wanted, 'every channel has its tone', MOVING_DEADLINE_MS);
    await sleep(SETTLING_MS);
    const before = (await stream.stats()).audio;
    const startMs = performance.now();
    await sleep(seconds * 1000);
    const after = (await stream.stats()).audio;
    const elapsedSeconds = (performance.now() - startMs) / 1000;
    await stream.quit();
    if (before === null || after === null) throw new Error('no sound came');
    const rightTones = after.tonesHz.filter((hz, channel) => hz === TEST_TONES_HZ[channel]).length;
    await until(
      () => defaultSink(pipewire) === 'speakers' && sinkNames(pipewire).length === 1,
      'the default sink is back',
    );
    const title = `5.1 from the desktop, ${seconds} s`;
    return [
      atLeast(`${title}: channels with their tone`, rightTones, '', STREAM.audioChannels),
      atMost(`${title}: packets lost`, after.lost - before.lost, '', 0),
      atMost(`${title}: samples missing or doubled, places`, after.jumps - before.jumps, '', 0),
      atMost(
        `${title}: drift against the picture's clock`,
        Math.abs(after.driftMs - before.driftMs),
        'ms',
        20,
      ),
      shown(`${title}: packets a second`, (after.packets - before.packets) / elapsedSeconds, ''),
    ];
  } finally {
    await player.end();
    await serve.stop();
    await pipewire.stop();
    home.remove();
  }
};
