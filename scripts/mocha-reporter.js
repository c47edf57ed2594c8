/**
 * Mocha's usual report on the terminal, and the counts in the file that LUMEN_TEST_COUNTS names, for
 * scripts/sum-results.js. A test that is skipped counts as failed: a test that did not run shows nothing.
 */
import fs from 'node:fs';
import Mocha from 'mocha';

export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const file = process.env.LUMEN_TEST_COUNTS;
      if (!file) return;
      const { passes, failures, pending } = this.stats;
      fs.writeFileSync(file, JSON.stringify({ passed: passes, failed: failures + pending }));
    });
  }
}
