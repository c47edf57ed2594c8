/** Runs of apps with real processes. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AppRun, recoverRuns } from '../../src/apps/app-run.js';
import { type AppConfig, DESKTOP } from '../../src/config/app-settings.js';
import { LumenError } from '../../src/support/errors.js';
import { createSilentLogger } from '../../src/support/logger.js';
import { isAlive, until } from '../support/serve.js';

describe('a run of an app', function () {
  this.timeout(60_000);
  let folder: string;
  let journal: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-app-run-'));
    journal = path.join(folder, 'journal');
    fs.writeFileSync(journal, '');
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  const options = () => ({ folder: path.join(folder, 'state', 'apps'), environment: process.env });
  const note = (text: string): string[] => ['sh', '-c', `echo "${text}" >> ${journal}`];
  const readJournal = (): string[] => fs.readFileSync(journal, 'utf8').split('\n').slice(0, -1);
  const records = (): string[] => fs.readdirSync(options().folder);
  const start = (app: Partial<AppConfig>, variables: Record<string, string> = {}): Promise<AppRun> => {
    const whole = { ...DESKTOP, title: 'Test', stopMs: 5000, ...app };
    return AppRun.start(options(), { app: whole, variables, logger: createSilentLogger() });
  };
  /** Writes the pid of a shell and of its child, then waits for ever. */
  const family = (trap = ''): string[] => [
    'sh',
    '-c',
    `${trap} sleep 600 & echo $$ $! >> ${journal}; wait; wait`,
  ];
  const readFamily = async (): Promise<number[]> =>
    (await until(() => readJournal().find((line) => /^\d+ \d+$/.test(line)), 'the app runs'))
      .split(' ')
      .map(Number);

  it('prepares in order, starts, and undoes in reverse order after the program is gone', async () => {
    const run = await start(
      {
        preparation: [
          { run: note('one $LUMEN_CLIENT_WIDTH $OWN'), undo: note('undo one') },
          { run: note('two'), undo: note('undo two') },
        ],
        command: [
          'sh',
          '-c',
          `trap 'echo ended >> ${journal}; exit' TERM; echo started >> ${journal}; while :; do sleep 0.05; done`,
        ],
        environment: { OWN: 'mine' },
      },
      { LUMEN_CLIENT_WIDTH: '1280' },
    );
    await until(() => readJournal().includes('started'), 'the app runs');
    assert.equal(records().length, 1);
    await run.stop();
    assert.deepEqual(readJournal(), ['one 1280 mine', 'two', 'started', 'ended', 'undo two', 'undo one']);
    assert.deepEqual(records(), []);
  });

  it('runs in its working directory', async () => {
    const run = await start({ preparation: [{ run: ['sh', '-c', 'pwd > here'] }], workingDirectory: folder });
    await run.stop();
    assert.equal(fs.readFileSync(path.join(folder, 'here'), 'utf8').trim(), fs.realpathSync(folder));
  });

  it('ends everything that the program started, and kills what does not want to end', async () => {
    const polite = await start({ command: family() });
    const pids = await readFamily();
    assert.ok(pids.every(isAlive));
    await polite.stop();
    assert.ok(!pids.some(isAlive));
    fs.writeFileSync(journal, '');
    const stubborn = await start({ command: family("trap '' TERM;"), stopMs: 200 });
    const others = await readFamily();
    await stubborn.stop();
    assert.ok(!others.some(isAlive));
  });

  it('tells when the program ends by itself, unless its stream goes on', async () => {
    const run = await start({ command: ['true'] });
    await new Promise<void>((resolve) => run.onExit(resolve));
    await run.stop();
    const launcher = await start({ command: ['true'], exitEndsStream: false });
    launcher.onExit(() => assert.fail('its end is not told'));
    await until(() => records().length > 0, 'the launcher ran');
    await launcher.stop();
  });

  it('that cannot start says why and undoes what was prepared', async () => {
    const preparation = [{ run: note('one'), undo: note('undo one') }];
    const refusal = async (app: Partial<AppConfig>): Promise<string> => {
      try {
        await start({ preparation, ...app });
      } catch (error) {
        assert.ok(error instanceof LumenError && error.code === 'LUMEN_APP_FAILED', String(error));
        return error.message;
      }
      return assert.fail('it started');
    };
    assert.match(await refusal({ command: ['/no/such/program'] }), /Test cannot be started: .*ENOENT/);
    const failing = { run: ['sh', '-c', 'echo no display >&2; exit 3'], undo: note('undo two') };
    const problem = await refusal({ preparation: [...preparation, failing, { run: note('three') }] });
    assert.match(problem, /ended with status 3: no display/);
    assert.deepEqual(readJournal(), ['one', 'undo one', 'one', 'undo two', 'undo one']);
    assert.deepEqual(records(), []);
  });

  it('goes on with the other undo commands when one fails', async () => {
    const run = await start({
      preparation: [{ undo: note('undo one') }, { undo: ['false'] }, { undo: ['/no/such'] }],
    });
    await run.stop();
    assert.deepEqual(readJournal(), ['undo one']);
  });

  describe('whose host was killed', () => {
    const startElsewhere = async (more: Partial<AppConfig> = {}): Promise<ChildProcess> => {
      const app = {
        ...DESKTOP,
        title: 'Test',
        preparation: [{ run: note('one'), undo: note('undo one $OWN') }],
        command: family(),
        environment: { OWN: 'mine' },
        ...more,
      };
      const script = `
        import { AppRun } from '${new URL('../../src/apps/app-run.js', import.meta.url)}';
        import { createSilentLogger } from '${new URL('../../src/support/logger.js', import.meta.url)}';
        const options = { folder: ${JSON.stringify(options().folder)}, environment: process.env };
        const app = ${JSON.stringify(app)};
        console.log('starts');
        await AppRun.start(options, { app, variables: {}, logger: createSilentLogger() });
        setInterval(() => {}, 1000);`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      return child;
    };

    it('is ended and undone by the next host, once', async () => {
      const host = await startElsewhere();
      const pids = await readFamily();
      await recoverRuns(options(), createSilentLogger());
      assert.ok(pids.every(isAlive), 'a host that lives keeps its apps');
      host.kill('SIGKILL');
      await once(host, 'exit');
      assert.ok(pids.every(isAlive));
      await Promise.all([
        recoverRuns(options(), createSilentLogger()),
        recoverRuns(options(), createSilentLogger()),
      ]);
      assert.ok(!pids.some(isAlive));
      assert.deepEqual(
        readJournal().filter((line) => line.startsWith('undo')),
        ['undo one mine'],
      );
      assert.deepEqual(records(), []);
    });

    it('is undone, too, when that was in the middle of its preparation', async () => {
      const host = await startElsewhere({ preparation: [{ run: family(), undo: note('undo') }] });
      const pids = await readFamily();
      host.kill('SIGKILL');
      await once(host, 'exit');
      await recoverRuns(options(), createSilentLogger());
      assert.ok(!pids.some(isAlive));
      assert.equal(readJournal().at(-1), 'undo');
      assert.deepEqual(records(), []);
    });

    it('does not take along the next host where that one was started from the app', async () => {
      const host = await startElsewhere();
      const pids = await readFamily();
      host.kill('SIGKILL');
      await once(host, 'exit');
      const [record = ''] = records();
      const url = (file: string) => JSON.stringify(new URL(`../../src/${file}`, import.meta.url).href);
      const script = `
        import { recoverRuns } from ${url('apps/app-run.js')};
        import { createSilentLogger } from ${url('support/logger.js')};
        await recoverRuns({ folder: ${JSON.stringify(options().folder)}, environment: process.env }, createSilentLogger());`;
      const next = spawn(
        'sh',
        ['-c', '"$0" --input-type=module -e "$1"; exit $?', process.execPath, script],
        {
          stdio: 'ignore',
          detached: true,
          env: { ...process.env, LUMEN_APP_RUN: record.slice(0, 16) },
        },
      );
      assert.deepEqual(await once(next, 'exit'), [0, null]);
      assert.ok(!pids.some(isAlive));
      assert.deepEqual(records(), []);
    });

    it('sets aside what it left when that cannot be read', async () => {
      const { folder: state } = options();
      fs.mkdirSync(state, { recursive: true });
      fs.writeFileSync(path.join(state, `${'a'.repeat(16)}.4194304-1.json`), '{"version":2}', {
        mode: 0o600,
      });
      await recoverRuns(options(), createSilentLogger());
      assert.match(records().join(), /^a{16}\.\d+-\d+\.json\.damaged$/);
    });
  });
});
