/** A child process that exists only in memory: remembers what it was sent and does what a test says. */
import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { MediaChild } from '../../../src/media/media-child.js';
import type { MediaCommand, MediaReport } from '../../../src/media/messages.js';
import type { Logger } from '../../../src/support/logger.js';

export interface ChildScript {
  /** What a command does; the default plays what it is told to play. */
  obey?(child: ScriptedChild, command: MediaCommand): void;
  /** It stays even after SIGKILL. */
  readonly isUnkillable?: boolean;
}

export class ScriptedChild extends EventEmitter {
  readonly pid = 4711;
  readonly stderr = null;
  readonly commands: MediaCommand[] = [];
  connected = true;
  isReferenced = true;
  readonly #script: ChildScript;

  constructor(script: ChildScript) {
    super();
    this.#script = script;
  }

  send(command: MediaCommand): boolean {
    this.commands.push(command);
    if (this.#script.obey !== undefined) this.#script.obey(this, command);
    else if (command.type === 'play') this.report({ type: 'playing', baseTimeNs: '1000' });
    return true;
  }

  /** Sends a report, as a process does: later. */
  report(report: MediaReport): void {
    setImmediate(() => this.emit('message', report));
  }

  end(code: number | null, signal: NodeJS.Signals | null): void {
    this.emit('close', code, signal);
  }

  kill(signal: NodeJS.Signals): boolean {
    if (this.#script.isUnkillable !== true) setImmediate(() => this.end(null, signal));
    return true;
  }

  disconnect(): void {
    this.connected = false;
  }

  unref(): void {
    this.isReferenced = false;
  }
}

/** A ready media child around a scripted process. */
export const startScripted = (script: ChildScript, logger: Logger): [MediaChild, ScriptedChild] => {
  const child = new ScriptedChild(script);
  const media = new MediaChild(child as unknown as ChildProcess, logger, 20);
  child.report({ type: 'ready', gstreamerVersion: 'GStreamer 1.22.0' });
  return [media, child];
};
