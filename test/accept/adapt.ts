/**
 * A network that is bad at times, with adaptation and without: each run in a network namespace of its own. Once a rule of
 * the kernel throws one video datagram in twenty away, once the link carries two thirds of the client's figure.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { atMost, type Figure, shown } from './figures.js';
import type { LossyRun } from './lossy-run.js';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('./lossy-run.js', import.meta.url));
const FIXED = '--no-adapt-to-loss';

const lossyRun = async (...args: readonly string[]): Promise<LossyRun> => {
  const node = [process.execPath, '--enable-source-maps', PROGRAM, ...args];
  return JSON.parse((await run('unshare', ['--net', ...node])).stdout) as LossyRun;
};

const percentLost = ({ lost, received }: LossyRun): number => (100 * lost) / Math.max(1, lost + received);

/** What is only shown of a run. */
const details = (name: string, result: LossyRun): Figure[] => [
  shown(`${name}: datagrams lost`, result.datagramsLost, ''),
  shown(`${name}: frames rebuilt`, result.recovered, ''),
  shown(`${name}: frames held back after a loss`, result.discarded, ''),
  shown(`${name}: longest gap`, result.longestGapMs, 'ms'),
  shown(`${name}: on the wire before`, result.cleanKbps / 1000, 'Mbit/s'),
  shown(`${name}: on the wire meanwhile`, result.lossyKbps / 1000, 'Mbit/s'),
];

/** With adaptation held to bounds, without it beside. */
const compare = async (trouble: string, name: string, mostLost: number): Promise<Figure[]> => {
  const adaptive = await lossyRun(trouble);
  const fixed = await lossyRun(trouble, FIXED);
  return [
    atMost(`${name}: frames lost`, percentLost(adaptive), '%', mostLost),
    atMost(`${name}: full bitrate afterwards, longest`, adaptive.fullAgainS ?? Number.NaN, 's', 30),
    atMost(`${name}: pictures wrong`, adaptive.wrong, '', 0),
    shown(`${name}: encoder at the least`, adaptive.leastEncoderKbps / 1000, 'Mbit/s'),
    ...details(name, adaptive),
    shown('without adaptation: frames lost', percentLost(fixed), '%'),
    ...details('without adaptation', fixed),
  ];
};

/** @throws Error where this user may make no network namespace, or nft is missing */
export const adaptFigures = async (): Promise<Figure[]> => [
  ...(await compare('random', '5 % loss that comes and goes', 0.5)),
  ...(await compare('narrow', 'a link of two thirds of the figure', 5)),
];
