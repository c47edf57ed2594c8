/**
 * `npm run bench`: the media plane's speed, ours beside stand-ins for how others do it, in one run on one machine.
 * What is measured and how: docs/benchmarks.md.
 */
import fs from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { describeError } from '../../src/support/errors.js';
import { measureCadence } from './cadence.js';
import { checksOf } from './checks.js';
import * as measurements from './measurements.js';
import { formatChecks, formatRows, isKept, type Row, toJson } from './report.js';
import { type Build, findBuild } from './tools.js';

const USAGE = `usage: npm run bench -- [--json FILE] [--quick] [--only PART,...] [--strict] [--build FOLDER]
  PART: payloader path pacing parity port sustained cadence
  --quick   shorter and fewer runs, for a first look
  --strict  exit with status 1 when a figure misses its bound
`;

const PARTS = ['payloader', 'path', 'pacing', 'parity', 'port', 'sustained', 'cadence'] as const;
type Part = (typeof PARTS)[number];

type Measure = (build: Build, extent: measurements.Extent) => Promise<Row[]>;

/** What each part runs; `needsRoot` parts are left out, and said to be, where namespaces cannot be made. */
const STEPS: readonly {
  readonly name: string;
  readonly parts: readonly Part[];
  readonly needsRoot: boolean;
  readonly run: Measure;
}[] = [
  { name: 'payloaders', parts: ['payloader'], needsRoot: false, run: measurements.measurePayloaders },
  { name: 'parity kernels', parts: ['parity'], needsRoot: false, run: measurements.measureParity },
  {
    name: 'whole path, loopback',
    parts: ['path', 'pacing'],
    needsRoot: false,
    run: measurements.measurePath,
  },
  { name: 'whole path, black hole', parts: ['path'], needsRoot: true, run: measurements.measureBlackHole },
  { name: 'a sleep', parts: ['path', 'pacing'], needsRoot: false, run: measurements.measureSleep },
  { name: 'pacing, hard cases', parts: ['pacing'], needsRoot: false, run: measurements.measureHardPacing },
  { name: 'switch port, tbf', parts: ['port'], needsRoot: true, run: measurements.measureSwitchPort },
  { name: 'switch port, computed', parts: ['port'], needsRoot: false, run: measurements.measureComputedPort },
  { name: 'sustained', parts: ['sustained'], needsRoot: false, run: measurements.measureSustained },
  { name: 'frame sampler', parts: ['cadence'], needsRoot: false, run: measureCadence },
];

const readParts = (only: string | undefined): readonly Part[] => {
  if (only === undefined) return PARTS;
  return only.split(',').map((name) => {
    const part = PARTS.find((known) => known === name);
    if (part === undefined) throw new Error(`--only does not know "${name}": ${PARTS.join(' ')}`);
    return part;
  });
};

const processorFlags = (): string =>
  /^flags\s*:(.*)$/m.exec(fs.readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';

const describeMachine = () => {
  const flags = processorFlags().split(/\s+/);
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.cpus().length,
    kernel: os.release(),
    gfni: flags.includes('gfni'),
    avx512: flags.includes('avx512bw'),
  };
};

const measureAll = async (
  build: Build,
  extent: measurements.Extent,
  parts: readonly Part[],
): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const step of STEPS.filter((one) => one.parts.some((part) => parts.includes(part)))) {
    if (step.needsRoot && process.getuid?.() !== 0) {
      process.stderr.write(`bench: ${step.name}: left out, needs root for network namespaces\n`);
      continue;
    }
    process.stderr.write(`bench: ${step.name}\n`);
    try {
      rows.push(...(await step.run(build, extent)));
    } catch (error) {
      // One part that cannot run here says nothing about the others; its checks are missing from the list.
      process.stderr.write(`bench: ${step.name}: failed: ${describeError(error)}\n`);
      process.exitCode = 1;
    }
  }
  return rows;
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      strict: { type: 'boolean', default: false },
      build: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const extent = values.quick ? measurements.QUICK : measurements.FULL;
  const machine = describeMachine();
  const rows = await measureAll(findBuild(values.build), extent, readParts(values.only));
  const checks = checksOf(rows, machine.gfni);
  process.stdout.write(`${formatRows(rows)}\n${formatChecks(checks)}`);
  if (values.json !== undefined)
    fs.writeFileSync(values.json, `${JSON.stringify(toJson(rows, checks, machine), null, 2)}\n`);
  if (values.strict && !checks.every(isKept)) process.exitCode = 1;
};

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${describeError(error)}\n${USAGE}`);
  process.exitCode = 2;
});
