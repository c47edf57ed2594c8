/** `lumen doctor`: looks at everything that a stream needs, and says what to do about what it finds. */
import type { Command } from 'commander';
import { type Finding, formatFinding } from '../doctor/finding.js';
import { diagnose } from '../doctor/run.js';

const EXIT_PROBLEM = 1;

const summarise = (findings: readonly Finding[]): string => {
  const count = (severity: Finding['severity']): number =>
    findings.filter((finding) => finding.severity === severity).length;
  return `Problems: ${count('problem')}, warnings: ${count('warning')}, notes: ${count('note')}.`;
};

const doctor = async (options: { json?: boolean; measure: boolean }): Promise<void> => {
  const findings: Finding[] = [];
  for await (const finding of diagnose({ environment: process.env, measures: options.measure })) {
    findings.push(finding);
    if (!options.json) process.stdout.write(`${formatFinding(finding)}\n`);
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ version: 1, findings })}\n`);
  else process.stdout.write(`\n${summarise(findings)}\n`);
  process.exitCode = findings.some(({ severity }) => severity === 'problem') ? EXIT_PROBLEM : 0;
};

export const addDoctorCommand = (program: Command): void => {
  program
    .command('doctor')
    .description('look at everything that a stream needs; exit status 1 when no stream would work')
    .option('--json', 'for machines')
    .option('--no-measure', 'do not measure what each encoder costs')
    .action(async (options: { json?: boolean; measure: boolean }) => {
      await doctor(options);
      // A session bus that is still open must not keep the command from ending.
      process.exit();
    });
};
