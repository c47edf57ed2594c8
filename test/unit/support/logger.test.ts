import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { INPUT_MAGIC } from '../../../src/input/packet.js';
import { SECRETS, toJournalLine } from '../../../src/support/logger.js';

describe('the logger', () => {
  it('hides no count of input because its kind is named like a secret', () => {
    const kinds = ['keyboard', ...Object.keys(INPUT_MAGIC), 'unknown', 'malformed'];
    assert.deepEqual(
      kinds.filter((kind) => SECRETS.includes(kind)),
      [],
    );
  });

  it('knows the names of keys, PINs and ping payloads', () => {
    for (const name of ['pin', 'riKey', 'key', 'privateKey', 'videoPingPayload', 'audioPingPayload']) {
      assert(SECRETS.includes(name), name);
    }
  });

  it('writes lines for people to the journal, with the priority in front', () => {
    const line = (fields: object): string => toJournalLine(JSON.stringify({ time: 'now', ...fields }));
    assert.equal(
      line({ level: 40, module: 'sleep', problem: 'Access denied', count: 2, msg: 'it may sleep' }),
      '<4>it may sleep module=sleep problem="Access denied" count=2\n',
    );
    assert.equal(line({ level: 60, msg: 'x' }), '<3>x\n');
    assert.equal(line({ level: 30, msg: 'x', err: { stack: 'a\nb' } }), '<6>x err={"stack":"a\\nb"}\n');
    assert.equal(line({ level: 20, msg: 'x' }), '<7>x\n');
  });

  it('writes JSON lines where standard error is not the journal that systemd opened', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-logger-'));
    const file = fs.openSync(path.join(folder, 'log'), 'w+');
    try {
      const { dev, ino } = fs.fstatSync(file);
      const program = `import { chooseLogStyle, createLogger } from ${JSON.stringify(new URL('../../../src/support/logger.js', import.meta.url))};
        createLogger('info', chooseLogStyle({ environment: process.env })).warn({ pin: '1234' }, 'hello');`;
      const write = (stream: string): void => {
        const env = { ...process.env, JOURNAL_STREAM: stream };
        const args = ['--input-type=module', '--eval', program];
        assert.equal(spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', file], env }).status, 0);
      };
      write(`${dev}:${ino + 1}`);
      write(`${dev}:${ino}`);
      const [json = '', text] = fs.readFileSync(path.join(folder, 'log'), 'utf8').split('\n');
      assert.equal(JSON.parse(json).msg, 'hello');
      assert.equal(text, '<4>hello pin=[secret]');
    } finally {
      fs.closeSync(file);
      fs.rmSync(folder, { recursive: true });
    }
  });
});
