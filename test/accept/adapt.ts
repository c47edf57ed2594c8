/**
 * Loss that comes and goes, with adaptation and without: each run in a network namespace of its own, where a rule of the
 * kernel throws one video datagram in twenty away.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { atMost, type Figure, shown } from './figures.js';
import type { LossyRun } from './lossy-run.js';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('./lossy-run.js', import.meta.url));
const NAME = '5 % loss that comes and goes';

const lossyRun = async (...args: readonly string[]): Promise<LossyRun> => {
  const { stdout } = await run('unshare', [
    '--net',
    process.execPath,
    '--enable-source-maps',
    PROGRAM,
    ...args,
  ]);
  return JSON.parse(stdout) as LossyRun;
};

const percentLost = ({ lost, received }: LossyRun): number => (100 * lost) / Math.max(1, lost + received);

/** @throws Error where this user may make no network namespace, or nft is missing */
export const adaptFigures = async (): Promise<Figure[]> => {
  const adaptive = await lossyRun();
  const fixed = await lossyRun('--no-adapt-to-loss');
  return [
    atMost(`${NAME}: frames lost`, percentLost(adaptive), '%', 0.5),
    atMost(`${NAME}: full bitrate after the loss, longest`, adaptive.fullAgainS ?? Number.NaN, 's', 30),
    atMost(`${NAME}: pictures wrong`, adaptive.wrong, '', 0),
    shown(`${NAME}: datagrams lost`, adaptive.datagramsLost, ''),
    shown(`${NAME}: frames rebuilt`, adaptive.recovered, ''),
    shown(`${NAME}: frames held back after a loss`, adaptive.discarded, ''),
    shown(`${NAME}: longest gap`, adaptive.longestGapMs, 'ms'),
    shown(`${NAME}: on the wire before`, adaptive.cleanKbps / 1000, 'Mbit/s'),
    shown(`${NAME}: on the wire with loss`, adaptive.lossyKbps / 1000, 'Mbit/s'),
    shown(`${NAME}: encoder at the least`, adaptive.leastEncoderKbps / 1000, 'Mbit/s'),
    shown('the same without adaptation: frames lost', percentLost(fixed), '%'),
    shown('the same without adaptation: frames held back', fixed.discarded, ''),
    shown('the same without adaptation: longest gap', fixed.longestGapMs, 'ms'),
    shown('the same without adaptation: on the wire with loss', fixed.lossyKbps / 1000, 'Mbit/s'),
  ];
};
