import assert from 'node:assert/strict';
import { Command, CommanderError } from 'commander';
import { addProbeCommand } from '../../../src/commands/probe.js';
import { LumenError } from '../../../src/support/errors.js';

const run = async (...args: string[]): Promise<unknown> => {
  const program = new Command('lumen')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  addProbeCommand(program);
  return await program.parseAsync(['probe', ...args], { from: 'user' });
};

describe('commands/probe', () => {
  it('refuses arguments that make no sense before anything is sent', async () => {
    const lines = [
      ['stream'],
      ['stream', 'host:99999'],
      ['stream', 'host', '--mode', '1920'],
      ['stream', 'host', '--codec', 'vp9'],
      ['stream', 'host', '--bit-depth', '9'],
      ['stream', 'host', '--chroma', '422'],
      ['stream', 'host', '--color-space', 'srgb'],
      ['stream', 'host', '--slices', '0'],
      ['stream', 'host', '--bitrate', '0'],
      ['stream', 'host', '--drop-percent', '101'],
      ['stream', 'host', '--request-idr-at', 'soon'],
      ['stream', 'host', '--encryption', 'everything'],
      ['stream', 'host', '--packet-size', '-1'],
      ['stream', 'host', '--no-such-option'],
      ['stream', 'host', '--log-level', 'loud'],
      ['pair', 'host'],
      ['pair', 'host', '--pin', '12345'],
      ['dance', 'host'],
    ];
    for (const line of lines) {
      await assert.rejects(
        run(...line),
        (error: unknown) => error instanceof CommanderError && error.exitCode !== 0,
        line.join(' '),
      );
    }
  });

  it('does not vanish and end the app at once', async () => {
    await assert.rejects(
      run('stream', 'host', '--leave', '--quit'),
      (error: unknown) => error instanceof LumenError && error.code === 'LUMEN_USAGE',
    );
  });
});
