import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseClientMessage } from '../../../src/control/message.js';
import type { InputEvent } from '../../../src/input/event.js';
import { INPUT_MAGIC, parseInputPacket } from '../../../src/input/packet.js';
import { loadControlVectors } from '../../support/control-vectors.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const parse = (text: string): InputEvent => {
  const parsed = parseInputPacket(hex(text));
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.detail);
  return parsed.event;
};

/** A well-formed packet around a body. */
const packet = (magic: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 4, 0);
  head.writeUInt32LE(magic, 4);
  return Buffer.concat([head, body]);
};

/** The worked examples of `protocol/input.md` §8. */
const EXAMPLES: readonly (readonly [name: string, bytes: string, event: InputEvent])[] = [
  ['relative motion', '00000008 07000000 0005 fffd', { kind: 'mouseRelative', dx: 5, dy: -3 }],
  [
    'absolute motion',
    '0000000e 05000000 03c0 021c 0000 077f 0437',
    { kind: 'mouseAbsolute', x: 960, y: 540, width: 1919, height: 1079 },
  ],
  ['a button going down', '00000005 08000000 01', { kind: 'mouseButton', isDown: true, button: 1 }],
  ['a button going up', '00000005 09000000 01', { kind: 'mouseButton', isDown: false, button: 1 }],
  [
    'vertical scrolling',
    '0000000a 0a000000 ff88 ff88 0000',
    { kind: 'scroll', axis: 'vertical', amount: -120 },
  ],
  ['horizontal scrolling', '00000006 01000055 001e', { kind: 'scroll', axis: 'horizontal', amount: 30 }],
  [
    'a key, with the high byte masked',
    '0000000a 03000000 00 4180 01 0000',
    { kind: 'keyboard', isDown: true, virtualKey: 0x41, isLiteral: false, modifiers: 1 },
  ],
  ['text', '00000006 17000000 c3a9', { kind: 'text', text: 'é' }],
  ['haptics enable', '00000006 0d000000 0100', { kind: 'hapticsEnable', isEnabled: true }],
  [
    'the state of a controller',
    '0000001e 0c000000 1a00 0000 0100 1400 0010 00 ff 0080 ff7f 0000 0000 9c00 0000 5500',
    {
      kind: 'controllerState',
      controller: 0,
      activeMask: 1,
      buttons: 0x1000,
      leftTrigger: 0,
      rightTrigger: 255,
      leftX: -32768,
      leftY: 32767,
      rightX: 0,
      rightY: 0,
    },
  ],
  [
    'a controller that arrives',
    '0000000c 04000055 00 02 ff00 fff73000',
    { kind: 'controllerArrival', controller: 0, type: 2, capabilities: 0xff, supportedButtons: 0x30f7ff },
  ],
  [
    'a touch',
    '00000020 02000055 01 00 ffff 07000000 0000003f 0000803e 00000000 00000000 00000000',
    {
      kind: 'touch',
      event: 'down',
      rotation: 0xffff,
      pointerId: 7,
      x: 0.5,
      y: 0.25,
      pressureOrDistance: 0,
      contactMajor: 0,
      contactMinor: 0,
    },
  ],
  [
    'a pen',
    '00000020 03000055 03 01 01 00 0000003f 0000803e 0000403f 5a00 2d 00 00000000 00000000',
    {
      kind: 'pen',
      event: 'move',
      tool: 1,
      buttons: 1,
      x: 0.5,
      y: 0.25,
      pressureOrDistance: 0.75,
      rotation: 90,
      tilt: 45,
      contactMajor: 0,
      contactMinor: 0,
    },
  ],
  [
    'a touchpad of a controller',
    '00000018 05000055 00 01 00 00 01000000 0000003f 0000003f 0000803f',
    {
      kind: 'controllerTouchpad',
      controller: 0,
      event: 'down',
      touchpad: 0,
      pointerId: 1,
      x: 0.5,
      y: 0.5,
      pressure: 1,
    },
  ],
  [
    'the motion of a controller',
    '00000014 06000055 00 01 0000 00000000 0ae81c41 00000000',
    { kind: 'controllerMotion', controller: 0, sensor: 1, x: 0, y: Math.fround(9.80665), z: 0 },
  ],
  [
    'the battery of a controller',
    '00000008 07000055 00 02 50 00',
    { kind: 'controllerBattery', controller: 0, state: 2, percent: 80 },
  ],
];

describe('an input packet', () => {
  for (const [name, bytes, event] of EXAMPLES) {
    it(`is read as ${name}`, () => {
      assert.deepEqual(parse(bytes), event);
    });
  }

  it('is understood in every recorded message', () => {
    let count = 0;
    for (const { from, plaintext } of loadControlVectors()) {
      if (from === 'host') continue;
      const message = parseClientMessage(plaintext);
      if (!message.ok || message.message.kind !== 'input') continue;
      assert.ok(parseInputPacket(message.message.packet).ok);
      count += 1;
    }
    assert.equal(count, 27);
  });

  it('of an unknown magic is told apart from a broken one', () => {
    const parsed = parseInputPacket(packet(0x55000099, Buffer.alloc(4)));
    assert.deepEqual(parsed, { ok: false, reason: 'unknown', detail: 'magic 0x55000099' });
  });

  it('joins the high and the low button bits without a sign', () => {
    const event = parse(
      '0000001e 0c000000 1a00 0000 0100 1400 ffff 00 00 0000 0000 0000 0000 9c00 00ff 5500',
    );
    assert.ok(event.kind === 'controllerState');
    assert.equal(event.buttons, 0xff00ffff);
  });

  it('keeps a pointer event of the future as unknown', () => {
    const event = parse('00000020 02000055 63 00 ffff 07000000 0000003f 0000803e 00000000 00000000 00000000');
    assert.ok(event.kind === 'touch');
    assert.equal(event.event, 'unknown');
  });

  it('is refused when its size field does not fit', () => {
    const parsed = parseInputPacket(hex('00000009 07000000 0005 fffd'));
    assert.deepEqual(parsed, {
      ok: false,
      reason: 'malformed',
      detail: 'its size field does not fit its length',
    });
  });

  const refusals: readonly (readonly [what: string, bytes: Buffer, detail: RegExp])[] = [
    ['a mouse button that does not exist', packet(INPUT_MAGIC.mouseButtonDown, Buffer.from([6])), /button 6/],
    [
      'a controller that does not exist',
      packet(INPUT_MAGIC.controllerArrival, Buffer.alloc(8, 16)),
      /controller 16/,
    ],
    ['a coordinate that is not a number', packet(INPUT_MAGIC.touch, Buffer.alloc(28, 0xff)), /finite/],
    ['text that is not UTF-8', packet(INPUT_MAGIC.text, Buffer.from([0xc3])), /UTF-8/],
    ['text without end', packet(INPUT_MAGIC.text, Buffer.alloc(257, 0x41)), /257 bytes/],
  ];
  for (const [what, bytes, detail] of refusals) {
    it(`is refused for ${what}`, () => {
      const parsed = parseInputPacket(bytes);
      assert.ok(!parsed.ok && parsed.reason === 'malformed');
      assert.match(parsed.detail, detail);
    });
  }

  it('may be longer than known, but not shorter, and never makes the parser throw', () => {
    const longer = parseInputPacket(packet(INPUT_MAGIC.mouseRelative, hex('0005 fffd 0000 0000')));
    assert.deepEqual(longer, { ok: true, event: { kind: 'mouseRelative', dx: 5, dy: -3 } });
    const body = fc.uint8Array({ maxLength: 48 });
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(INPUT_MAGIC)), body, (magic, random) => {
        const whole = packet(magic, Buffer.from(random));
        const parsed = parseInputPacket(whole);
        if (parsed.ok) return;
        assert.equal(parsed.reason, 'malformed');
      }),
    );
    fc.assert(fc.property(body, (random) => void parseInputPacket(Buffer.from(random))));
    for (const [, bytes] of EXAMPLES) {
      const whole = hex(bytes);
      for (let length = 0; length < whole.length; length += 1) {
        assert.equal(parseInputPacket(whole.subarray(0, length)).ok, false);
      }
    }
  });
});
