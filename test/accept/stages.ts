/** How soon a client is told that an encoder cannot start, from its launch on. */
import { FaultyHost } from '../support/faulty-stage.js';
import { atMost, type Figure, shown } from './figures.js';

const ENCODING_FAILED = 0x800e9403;
const BOUND_MS = 3000;

export const stageFigures = async (): Promise<Figure[]> => {
  const host = await FaultyHost.start();
  try {
    const figures: Figure[] = [];
    for (const fault of ['hang', 'crash', 'keep'] as const) {
      const { report, tookMs } = await host.streamWith(fault);
      if (report.end.hostCode !== ENCODING_FAILED) throw new Error(`${fault}: ${report.end.text}`);
      const name = `element with fault "${fault}": client told of the encoding error after`;
      // A frame that never comes is waited for a little longer than a start.
      figures.push(fault === 'keep' ? shown(name, tookMs, 'ms') : atMost(name, tookMs, 'ms', BOUND_MS));
    }
    return figures;
  } finally {
    await host.stop();
  }
};
