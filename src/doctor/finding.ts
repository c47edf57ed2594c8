/** What `lumen doctor` found: one sentence each, and what to do where something is to be done. */

/** `note` is worth knowing; `warning` costs quality or a feature; with a `problem` no stream works as it is set. */
export type Severity = 'ok' | 'note' | 'warning' | 'problem';

export interface Finding {
  /** Area and subject, the same for ever: `ports.busy`. */
  readonly check: string;
  readonly severity: Severity;
  readonly text: string;
  /** The next command or setting; there is one unless all is well. */
  readonly remedy?: string;
}

export const ok = (check: string, text: string): Finding => ({ check, severity: 'ok', text });
export const note = (check: string, text: string, remedy: string): Finding => ({
  check,
  severity: 'note',
  text,
  remedy,
});
export const warning = (check: string, text: string, remedy: string): Finding => ({
  check,
  severity: 'warning',
  text,
  remedy,
});
export const problem = (check: string, text: string, remedy: string): Finding => ({
  check,
  severity: 'problem',
  text,
  remedy,
});

/** Lines for people, the remedy under each finding that has one. */
export const formatFinding = ({ check, severity, text, remedy }: Finding): string => {
  const line = `${severity.padEnd(8)} ${check.padEnd(20)} ${text}`;
  return remedy === undefined ? line : `${line}\n${' '.repeat(30)}Try: ${remedy}`;
};
