import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { OutputRecords } from '../../../src/capture/output-records.js';

describe('OutputRecords', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-records-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  const write = (records: unknown): void =>
    fs.writeFileSync(path.join(folder, 'outputs.json'), JSON.stringify(records));

  it('gives back what was left, and not what a living process uses', () => {
    const records = new OutputRecords(folder);
    records.take('/run/sway', 'HEADLESS-2');
    records.take('/run/sway', 'HEADLESS-3');
    records.leave('/run/sway', 'HEADLESS-3');
    assert.deepEqual(new OutputRecords(folder).unused('/run/sway'), ['HEADLESS-3']);
    assert.deepEqual(records.unused('/run/other'), []);
    records.forget('/run/sway', 'HEADLESS-3');
    assert.deepEqual(records.unused('/run/sway'), []);
  });

  it('finds what a process left that is gone, also when its number was given again', () => {
    const { pid } = spawnSync('true');
    write([
      { compositor: '/run/sway', output: 'HEADLESS-2', owner: `${pid} 12345` },
      { compositor: '/run/sway', output: 'HEADLESS-3', owner: `${process.pid} 1` },
    ]);
    assert.deepEqual(new OutputRecords(folder).unused('/run/sway'), ['HEADLESS-2', 'HEADLESS-3']);
  });

  it('forgets a compositor that is gone', () => {
    const records = new OutputRecords(folder);
    records.leave('/run/gone', 'HEADLESS-2');
    records.leave('/run/here', 'HEADLESS-2');
    records.forgetCompositors((compositor) => compositor === '/run/here');
    assert.deepEqual(records.unused('/run/gone'), []);
    assert.deepEqual(records.unused('/run/here'), ['HEADLESS-2']);
  });

  it('takes a file that it does not understand for an empty one', () => {
    for (const content of [{}, [{ compositor: 1 }], 'text', null]) {
      write(content);
      assert.deepEqual(new OutputRecords(folder).unused('/run/sway'), []);
    }
  });
});
