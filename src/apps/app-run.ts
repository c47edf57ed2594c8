/**
 * One run of an app: preparation commands, the program, and at the end their undoing. An undo command is owed from the
 * moment its preparation starts, and stands on the disk until it has run.
 */
import { randomBytes } from 'node:crypto';
import type { AppConfig } from '../config/app-settings.js';
import type { Environment } from '../config/paths.js';
import { describeError, LumenError } from '../support/errors.js';
import { runTask } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import { listGroupsWith } from './proc.js';
import { type CommandLine, endGroup, ProcessGroup } from './process-group.js';
import { claimRecords, type RunRecord, removeRecord, writeRecord } from './run-record.js';

const RUN_VARIABLE = 'LUMEN_APP_RUN';
/** For all preparation together: the client waits. */
const PREPARATION_MS = 15_000;
/** For each command that undoes. */
const UNDO_MS = 10_000;

/** What all runs of a host share. */
export interface AppRunOptions {
  /** Where the records are kept. */
  readonly folder: string;
  /** The host's own environment, which apps inherit. */
  readonly environment: Environment;
}

/** One launch. */
export interface AppLaunch {
  readonly app: AppConfig;
  /** What commands may know of the client, as variables. */
  readonly variables: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

const failed = (app: AppConfig, problem: string, remedy: string, cause?: unknown): LumenError =>
  new LumenError('LUMEN_APP_FAILED', { title: app.title, problem, remedy }, cause);

/** Runs a command to its end. @returns what went wrong, undefined when it succeeded */
const runCommand = async (command: CommandLine, deadlineMs: number): Promise<string | undefined> => {
  let group: ProcessGroup;
  try {
    group = await ProcessGroup.start(command);
  } catch (error) {
    return describeError(error);
  }
  const timer = new AbortController();
  const late = new Promise<undefined>((resolve) => {
    const timeout = setTimeout(resolve, deadlineMs, undefined);
    timer.signal.addEventListener('abort', () => clearTimeout(timeout));
  });
  const exit = await Promise.race([group.exited, late]);
  timer.abort();
  if (exit === undefined) {
    await group.end(0);
    return `it did not end within ${Math.round(deadlineMs / 1000)} s`;
  }
  return exit.isSuccess ? undefined : [`it ended with ${exit.text}`, group.lastLines].join(': ');
};

/** A record that is being worked off: how commands are run with its variables. */
class Debt {
  readonly #options: AppRunOptions;
  readonly #logger: Logger;
  #record: RunRecord;

  constructor(options: AppRunOptions, record: RunRecord, logger: Logger) {
    this.#options = options;
    this.#record = record;
    this.#logger = logger;
  }

  /** Puts it on the disk as it is now. @throws LumenError LUMEN_STATE_UNREADABLE or Error of the file system */
  write(): void {
    writeRecord(this.#options.folder, this.#record);
  }

  /** What runs last is undone first. */
  oweFirst(undo: readonly string[]): void {
    this.#owe([[...undo], ...this.#record.undo]);
  }

  toCommand(argv: readonly string[]): CommandLine {
    const { environment, workingDirectory, runId, title } = this.#record;
    return {
      argv,
      environment: { ...this.#options.environment, ...environment, [RUN_VARIABLE]: runId },
      workingDirectory: workingDirectory ?? undefined,
      onLine: (line) => this.#logger.debug({ app: title, line }, 'app output'),
    };
  }

  /** Runs every owed command, whatever becomes of the others, and forgets them. */
  async settle(): Promise<void> {
    while (this.#record.undo.length > 0) {
      const [argv = [], ...rest] = this.#record.undo;
      const problem = await runCommand(this.toCommand(argv), UNDO_MS);
      const details = { app: this.#record.title, command: argv };
      if (problem === undefined) this.#logger.debug(details, 'a preparation was undone');
      else {
        const remedy = `run it by hand: ${argv.join(' ')}`;
        this.#logger.error({ ...details, problem, remedy }, 'a preparation could not be undone');
      }
      this.#owe(rest);
    }
    removeRecord(this.#options.folder, this.#record.runId);
  }

  #owe(undo: string[][]): void {
    this.#record = { ...this.#record, undo };
    this.write();
  }
}

/** An app that runs. */
export class AppRun {
  readonly #launch: AppLaunch;
  readonly #debt: Debt;
  #group: ProcessGroup | undefined;
  #stopping: Promise<void> | undefined;

  private constructor(options: AppRunOptions, launch: AppLaunch) {
    const { app, variables, logger } = launch;
    this.#launch = launch;
    const record: RunRecord = {
      version: 1,
      runId: randomBytes(8).toString('hex'),
      title: app.title,
      stopMs: app.stopMs,
      environment: { ...variables, ...app.environment },
      workingDirectory: app.workingDirectory ?? null,
      undo: [],
    };
    this.#debt = new Debt(options, record, logger);
  }

  /**
   * Prepares and starts the app; returns when the program runs.
   * @throws LumenError LUMEN_APP_FAILED, after what was prepared has been undone
   */
  static async start(options: AppRunOptions, launch: AppLaunch): Promise<AppRun> {
    const run = new AppRun(options, launch);
    const { command, preparation } = launch.app;
    if (command === undefined && preparation.length === 0) return run;
    try {
      // Before anything starts: a host that is killed must leave nothing behind that nobody knows of.
      run.#debt.write();
      await run.#prepare();
      await run.#startProgram();
    } catch (error) {
      await run.#debt.settle();
      throw error;
    }
    return run;
  }

  /** Ends the program and undoes the preparation. Never rejects; further calls wait for the first. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #prepare(): Promise<void> {
    const { app } = this.#launch;
    const endMs = performance.now() + PREPARATION_MS;
    for (const { run, undo } of app.preparation) {
      if (undo !== undefined) this.#debt.oweFirst(undo);
      if (run === undefined) continue;
      const leftMs = Math.max(endMs - performance.now(), 1);
      const problem = await runCommand(this.#debt.toCommand(run), leftMs);
      if (problem === undefined) continue;
      const remedy = 'run the command by hand, then correct preparation of the app in config.toml';
      throw failed(app, `preparation "${run.join(' ')}" failed: ${problem}`, remedy);
    }
  }

  async #startProgram(): Promise<void> {
    const { app, logger } = this.#launch;
    if (app.command === undefined) return;
    try {
      this.#group = await ProcessGroup.start(this.#debt.toCommand(app.command));
    } catch (error) {
      const remedy = 'correct command and working_directory of the app in config.toml';
      throw failed(app, describeError(error), remedy, error);
    }
    logger.info({ app: app.title, pid: this.#group.id }, 'app started');
  }

  /** Calls `listener` when the program ends before it is told to, unless the app's stream goes on then. */
  onExit(listener: () => void): void {
    const group = this.#group;
    if (group === undefined) return;
    runTask(this.#launch.logger, 'watch app', async () => {
      const exit = await group.exited;
      if (this.#stopping !== undefined) return;
      const { app, logger } = this.#launch;
      const then = app.exitEndsStream ? 'its stream ends' : 'its stream goes on';
      const details = { app: app.title, exit: exit.text, then };
      const remedy = `run it by hand to see more: ${app.command?.join(' ')}`;
      if (exit.isSuccess) logger.info(details, 'the app ended');
      else logger.warn({ ...details, lastLines: group.lastLines, remedy }, 'the app failed');
      if (app.exitEndsStream) listener();
    });
  }

  async #stop(): Promise<void> {
    const { app, logger } = this.#launch;
    await this.#endProgram();
    try {
      await this.#debt.settle();
    } catch (error) {
      const remedy = 'the next start of lumen serve tries it again';
      logger.error({ err: error, app: app.title, remedy }, 'what was prepared for an app cannot be undone');
    }
  }

  async #endProgram(): Promise<void> {
    const { app, logger } = this.#launch;
    try {
      if ((await this.#group?.end(app.stopMs)) !== false) return;
      const remedy = 'raise stop_seconds of the app if it needs longer';
      logger.warn({ app: app.title, stopMs: app.stopMs, remedy }, 'the app was killed');
    } catch (error) {
      // A program that runs as another user, by sudo or setuid, takes no signals.
      const remedy = 'end it by hand, or by an undo command of its preparation';
      logger.error({ err: error, app: app.title, remedy }, 'the app could not be ended');
    }
  }
}

/** Ends every process group that the run started: its mark is in the environment of all its processes. */
const endLeftover = async ({ runId, stopMs }: RunRecord): Promise<void> => {
  const groups = listGroupsWith(RUN_VARIABLE, runId);
  await Promise.all(groups.map((groupId) => endGroup(groupId, stopMs)));
};

/** Ends the apps, and undoes the preparations, of hosts that were killed. What cannot be done is logged. */
export const recoverRuns = async (options: AppRunOptions, logger: Logger): Promise<void> => {
  for (const record of claimRecords(options.folder, logger)) {
    logger.warn({ app: record.title }, 'a host was killed while this app ran: its preparation is undone now');
    try {
      await endLeftover(record);
      await new Debt(options, record, logger).settle();
    } catch (error) {
      const remedy = 'the next start of lumen serve tries it again';
      logger.error({ err: error, app: record.title, remedy }, 'what an app left behind is still there');
    }
  }
};
