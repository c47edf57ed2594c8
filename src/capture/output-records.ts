/**
 * Which outputs of which compositor are ours: a file in the state folder, so that the next host finds what one that was
 * killed left behind, and takes an output up again that a compositor cannot remove.
 */
import fs from 'node:fs';
import path from 'node:path';

export interface OutputRecord {
  /** Tells one run of a compositor from the next: the path of its socket. */
  readonly compositor: string;
  readonly output: string;
  /** Process that uses it now, as `PID START`, where START counts from the start of the machine; empty: nobody. */
  readonly owner: string;
}

const isRecord = (value: unknown): value is OutputRecord => {
  const { compositor, output, owner } = Object(value) as Record<string, unknown>;
  return typeof compositor === 'string' && typeof output === 'string' && typeof owner === 'string';
};

/** Field 22 of proc(5) stat; fields are counted behind the name, which may hold anything. */
const startOf = (pid: string): string | undefined => {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
};

const isAlive = (owner: string): boolean => {
  const [pid = '', start] = owner.split(' ');
  return /^\d+$/.test(pid) && startOf(pid) === start;
};

const thisProcess = (): string => `${process.pid} ${startOf(String(process.pid)) ?? ''}`;

export class OutputRecords {
  readonly #file: string;

  /** @param stateDir exists */
  constructor(stateDir: string) {
    this.#file = path.join(stateDir, 'outputs.json');
  }

  /** Ours of this compositor which no living process uses. */
  unused(compositor: string): string[] {
    return this.#read()
      .filter((record) => record.compositor === compositor && !isAlive(record.owner))
      .map(({ output }) => output);
  }

  /** This process uses it. @throws when the file cannot be written */
  take(compositor: string, output: string): void {
    this.#replace({ compositor, output, owner: thisProcess() });
  }

  /** It is still there, and nobody uses it. */
  leave(compositor: string, output: string): void {
    this.#replace({ compositor, output, owner: '' });
  }

  /** It is no longer there. */
  forget(compositor: string, output: string): void {
    this.#write(this.#others(compositor, output));
  }

  /** A compositor that is gone took its outputs with it. @param exists whether the one at this socket is still there */
  forgetCompositors(exists: (compositor: string) => boolean): void {
    const records = this.#read();
    const kept = records.filter(({ compositor }) => exists(compositor));
    if (kept.length < records.length) this.#write(kept);
  }

  #others(compositor: string, output: string): OutputRecord[] {
    return this.#read().filter((record) => record.compositor !== compositor || record.output !== output);
  }

  #replace(record: OutputRecord): void {
    this.#write([...this.#others(record.compositor, record.output), record]);
  }

  /** A file that is not there or not ours to understand: no record. Nothing worse than an output too many follows. */
  #read(): OutputRecord[] {
    try {
      const value: unknown = JSON.parse(fs.readFileSync(this.#file, 'utf8'));
      return Array.isArray(value) ? value.filter(isRecord) : [];
    } catch {
      return [];
    }
  }

  #write(records: readonly OutputRecord[]): void {
    const draft = `${this.#file}.${process.pid}`;
    fs.writeFileSync(draft, `${JSON.stringify(records, null, 2)}\n`, { mode: 0o600 });
    fs.renameSync(draft, this.#file);
  }
}
