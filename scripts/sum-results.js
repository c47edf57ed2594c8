/**
 * Adds up what the test stages wrote and prints the last line of a test run, `N passed, N failed`.
 *
 * usage: node scripts/sum-results.js FAILED_STEPS FILE...
 *   FAILED_STEPS  failures that no file counts (a failed check, a stage that ended badly with all its tests passed)
 *   FILE          *.json: {"passed":n,"failed":n}; testlog.json of meson: one object with "result" on each line.
 *                 A file that is missing or unreadable is one failure: its stage did not finish.
 * Exit status 1 when anything failed or nothing passed.
 */
import fs from 'node:fs';
import path from 'node:path';

const isPass = (result) => result === 'OK' || result === 'EXPECTEDFAIL';

const countMeson = (text) => {
  const results = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line).result);
  const passed = results.filter(isPass).length;
  return { passed, failed: results.length - passed };
};

const count = (file) => {
  try {
    const text = fs.readFileSync(file, 'utf8');
    const { passed, failed } = path.basename(file) === 'testlog.json' ? countMeson(text) : JSON.parse(text);
    if (!Number.isInteger(passed) || !Number.isInteger(failed)) throw new TypeError('it holds no counts');
    return { passed, failed };
  } catch (error) {
    console.error(`lumen: the results in ${file} cannot be read: ${error.message}`);
    return { passed: 0, failed: 1 };
  }
};

const [failedSteps = '0', ...files] = process.argv.slice(2);
const counts = files.map(count);
const passed = counts.reduce((sum, each) => sum + each.passed, 0);
const failed = counts.reduce((sum, each) => sum + each.failed, Number(failedSteps));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
