import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  formatSwayMessage,
  parseSwayOutcome,
  parseSwayOutputs,
  parseSwayVersion,
  SWAY_MESSAGE,
  SwayMessageReader,
} from '../../../../src/capture/sway/message.js';

describe('the IPC of sway', () => {
  it('writes a message as sway-ipc(7) draws it', () => {
    assert.deepEqual(
      formatSwayMessage(SWAY_MESSAGE.runCommand, 'exit'),
      // "i3-ipc", 4 bytes of payload, type 0
      Buffer.from('69332d697063040000000000000065786974', 'hex'),
    );
  });

  it('reads messages however the bytes are cut', () => {
    const payloads = fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(payloads, fc.integer({ min: 1, max: 30 }), (texts, step) => {
        const bytes = Buffer.concat(texts.map((text, index) => formatSwayMessage(index, text)));
        const reader = new SwayMessageReader();
        const read: string[] = [];
        for (let offset = 0; offset < bytes.length; offset += step) {
          const result = reader.read(bytes.subarray(offset, offset + step));
          assert(result.ok);
          read.push(...result.value.map(({ payload }) => payload));
        }
        assert.deepEqual(
          read,
          texts.map((text) => Buffer.from(text).toString()),
        );
      }),
    );
  });

  it('tells events from answers', () => {
    const result = new SwayMessageReader().read(formatSwayMessage(0x8000_0001, '{}'));
    assert(result.ok);
    assert.deepEqual(result.value, [{ type: 1, isEvent: true, payload: '{}' }]);
  });

  it('stops at bytes that are none, and at a length that no message has', () => {
    const stranger = new SwayMessageReader().read(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'));
    assert.deepEqual(stranger, { ok: false, reason: 'the bytes are not i3-ipc' });
    const huge = formatSwayMessage(3, '');
    huge.writeUInt32LE(0xffff_ffff, 6);
    assert.deepEqual(new SwayMessageReader().read(huge), {
      ok: false,
      reason: 'a message of 4294967295 bytes',
    });
  });

  it('reads outputs, of one that is off without a mode', () => {
    const text = JSON.stringify([
      {
        name: 'HEADLESS-2',
        make: 'headless',
        model: 'headless',
        active: true,
        current_mode: { width: 1024, height: 576, refresh: 120_000 },
      },
      { name: 'DP-1', make: 'Unknown', model: '', active: false, current_mode: { width: 1, height: 1 } },
      { nonsense: true },
    ]);
    assert.deepEqual(parseSwayOutputs(text), {
      ok: true,
      value: [
        {
          name: 'HEADLESS-2',
          description: 'headless headless',
          isActive: true,
          mode: { width: 1024, height: 576 },
        },
        { name: 'DP-1', description: 'Unknown', isActive: false, mode: undefined },
      ],
    });
    assert.deepEqual(parseSwayOutputs('{}'), { ok: false, reason: 'sway answered no list' });
    assert.deepEqual(parseSwayOutputs('['), { ok: false, reason: 'sway answered no JSON' });
  });

  it('gives the words of the first command that failed', () => {
    assert.deepEqual(parseSwayOutcome('[{"success":true}]'), { ok: true, value: undefined });
    const text = '[{"success":true},{"success":false,"error":"Invalid output subcommand: unplug."}]';
    assert.deepEqual(parseSwayOutcome(text), { ok: false, reason: 'Invalid output subcommand: unplug.' });
  });

  it('reads the version', () => {
    assert.equal(parseSwayVersion('{"human_readable":"1.7","variant":"sway"}'), 'sway 1.7');
    assert.equal(parseSwayVersion('nonsense'), 'sway');
  });
});
