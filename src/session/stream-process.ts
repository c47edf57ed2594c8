/** The media process as a stream sees it, and what it tells. Types alone: `media/media-process.ts` is the real one. */
import type { Fields, GraphDescription, MediaReport } from '../media/messages.js';

/** `stats` of all elements: by graph, then by element name. */
export type StreamStats = Readonly<Record<string, Readonly<Record<string, Fields>>>>;

/** A media process as a stream uses it. */
export interface StreamProcess {
  readonly pid: number | undefined;
  /** @param deadlineMs the longest that the start may take */
  play(graphs: readonly GraphDescription[], baseTimeNs: string | null, deadlineMs?: number): Promise<string>;
  forceKeyUnit(graph: string, element: string, count: number): void;
  set(graph: string, element: string, property: string, value: string | number | boolean): void;
  /** Which of `names` (`element` or `element.property`) are not installed. */
  inspect(names: readonly string[]): Promise<readonly string[]>;
  stats(): Promise<StreamStats>;
  stop(deadlineMs?: number): Promise<void>;
  onReport(listener: (report: MediaReport) => void): void;
  onExit(listener: (code: number | null, signal: NodeJS.Signals | null) => void): void;
}
