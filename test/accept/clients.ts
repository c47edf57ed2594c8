/** Three clients at once for half a minute, with modes and codecs of their own: one killed, one roaming, one resuming. */
import { Serve, TestHome } from '../support/serve.js';
import { runThreeClients } from '../support/three-clients.js';
import { atLeast, atMost, type Figure, shown } from './figures.js';

const PHASE_MS = 7000;

/* All three in software on one machine, decoders included: what two cores can do without falling behind. */
const KILLED = '640x360@30';
const ROAMING = { mode: { width: 854, height: 480, fps: 60 }, bitrateKbps: 5000, encryption: 7 };
const RESUMING = {
  mode: { width: 640, height: 360, fps: 30 },
  bitrateKbps: 3000,
  codec: 'hevc',
  packetSize: 1024,
} as const;

export const clientFigures = async (): Promise<Figure[]> => {
  const home = new TestHome();
  const serve = await Serve.start(home, ['--encryption-lan', 'opportunistic']);
  try {
    const result = await runThreeClients(serve, [KILLED, ROAMING, RESUMING], PHASE_MS);
    const { roaming, resuming, forged } = result;
    const failures = resuming.filter(({ failure }) => failure !== null).length;
    const lost = resuming.map(({ frames }) => frames.lost);
    const wrong = resuming.map(({ frames }) => frames.wrong ?? Number.NaN);
    return [
      atMost('three clients: frames that the roaming one lost before', roaming.lostBefore, '', 0),
      shown('three clients: its picture is back after', roaming.backMs, 'ms'),
      atMost('three clients: frames that it lost afterwards', roaming.lostAfter, '', 0),
      atLeast('three clients: packets of sound that came afterwards', roaming.soundAfter, '', 1000),
      atMost('three clients: streams of the resuming one that failed', failures, '', 0),
      atMost('three clients: frames lost before it left', lost[0] ?? Number.NaN, '', 0),
      atMost('three clients: frames lost after it resumed', lost[1] ?? Number.NaN, '', 0),
      atMost('three clients: wrong pictures', Math.max(...wrong), '', 0),
      atLeast('forged pings that were rejected', forged.rejected, '', 5),
      atMost('datagrams that they got', forged.received, '', 0),
    ];
  } finally {
    await serve.stop();
    home.remove();
  }
};
