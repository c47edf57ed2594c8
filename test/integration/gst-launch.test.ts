/**
 * Runs every command of docs/gst-launch.md as it stands there. Needs the built elements (build/gst-plugins, or the folder
 * in LUMEN_PLUGIN_DIR), gst-launch-1.0, x264enc, opusenc and the decoders of gst-libav.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHECKOUT } from '../support/reference-pages.js';
import { until } from '../support/serve.js';

const ELEMENTS = [
  'framesampler',
  'moonlightpay',
  'moonlightaudiopay',
  'moonlightsink',
  'moonlightsrc',
  'moonlightdepay',
  'framecounter',
] as const;

const RUN_LIMIT_MS = 30_000;
const PLUGINS = process.env['LUMEN_PLUGIN_DIR'] ?? fileURLToPath(new URL('build/gst-plugins', CHECKOUT));

/** The commands of one block, each on one line. The last one ends by itself; those before it are ended by Ctrl-C. */
type Block = readonly string[];

const readBlocks = (): readonly Block[] => {
  const page = fs.readFileSync(new URL('docs/gst-launch.md', CHECKOUT), 'utf8');
  return [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) =>
    (match[1] ?? '')
      .replace(/\\\n\s*/g, '')
      .split('\n')
      .filter((line) => line !== ''),
  );
};

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Resolves to the exit status, or to the signal's name. */
  readonly ended: Promise<number | string>;
}

/** Starts a command in a shell, as a person does. exec: so that the signal meets gst-launch itself. */
const start = (command: string, registry: string): Run => {
  const child = spawn('bash', ['-c', `exec ${command}`], {
    env: {
      ...process.env,
      GST_PLUGIN_PATH: PLUGINS,
      GST_REGISTRY: registry,
      GST_DEBUG_NO_COLOR: '1',
      LC_ALL: 'C.UTF-8',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close').then(([status, signal]) => (status ?? signal) as number | string);
  return { child, output: () => output, ended };
};

const assertClean = (command: string, run: Run, status: number | string): void => {
  const report = `${command}\n${run.output()}`;
  assert.equal(status, 0, report);
  assert.doesNotMatch(run.output(), /\b(ERROR|WARNING|CRITICAL)\b/, report);
};

/** Receivers say each second how much has arrived; one that got nothing says `0 seconds` when it ends. */
const hasReceived = (run: Run): boolean => /^progressreport\d+ \(.*\): [1-9]\d* seconds/m.test(run.output());

const runBlock = async (block: Block, registry: string): Promise<void> => {
  const receivers = block.slice(0, -1).map((command) => ({ command, run: start(command, registry) }));
  try {
    for (const { command, run } of receivers) {
      const isUp = (): boolean => /Setting pipeline to PLAYING/.test(run.output());
      await until(() => isUp() || run.child.exitCode !== null, `PLAYING of ${command}`);
      assert.ok(isUp(), `ended at once: ${command}\n${run.output()}`);
    }
    const command = block.at(-1) ?? '';
    const sender = start(command, registry);
    assertClean(command, sender, await sender.ended);
    for (const receiver of receivers) {
      receiver.run.child.kill('SIGINT');
      assertClean(receiver.command, receiver.run, await receiver.run.ended);
      assert.ok(hasReceived(receiver.run), `nothing arrived: ${receiver.command}\n${receiver.run.output()}`);
    }
  } finally {
    for (const { run } of receivers) run.child.kill('SIGKILL');
  }
};

describe('docs/gst-launch.md', () => {
  const blocks = readBlocks();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-gst-launch-'));
  after(() => fs.rmSync(folder, { recursive: true, force: true }));

  it('has a command for each element', () => {
    const text = blocks.flat().join('\n');
    const absent = ELEMENTS.filter((element) => !new RegExp(`\\b${element}\\b`).test(text));
    assert.deepEqual(absent, []);
  });

  it('has only gst-launch-1.0 commands in its blocks', () => {
    const others = blocks.flat().filter((command) => !command.startsWith('gst-launch-1.0 '));
    assert.deepEqual(others, []);
  });

  blocks.forEach((block, index) => {
    const elements = ELEMENTS.filter((element) =>
      block.some((command) => new RegExp(`\\b${element}\\b`).test(command)),
    );
    it(`block ${index + 1} runs as it stands there (${elements.join(', ')})`, async function () {
      this.timeout(RUN_LIMIT_MS + 5000);
      await runBlock(block, path.join(folder, 'registry.bin'));
    });
  });
});
