/** Text streams by lines, bounded in length and number: what a child process writes is never trusted to be small. */
import type { Readable } from 'node:stream';

const MAX_LINE_CHARACTERS = 500;

/** Calls `onLine` with each line of `stream`, cut to 500 characters; the rest of a longer line is dropped. */
export const readLines = (stream: Readable, onLine: (line: string) => void): void => {
  let pending = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (pending + chunk).split('\n');
    pending = (lines.pop() ?? '').slice(0, MAX_LINE_CHARACTERS);
    for (const line of lines) if (line !== '') onLine(line.slice(0, MAX_LINE_CHARACTERS));
  });
  stream.on('end', () => {
    if (pending !== '') onLine(pending);
  });
  // A pipe that breaks ends like one that closes; the process's exit says the rest.
  stream.on('error', () => undefined);
};

/** The newest lines of a text. */
export class LastLines {
  readonly #limit: number;
  readonly #lines: string[] = [];

  /** @param limit how many lines are kept, at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > this.#limit) this.#lines.shift();
  }

  /** The kept lines, oldest first, joined by line feeds. */
  text(): string {
    return this.#lines.join('\n');
  }
}
