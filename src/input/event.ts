/**
 * What a client's mouse, keyboard, controllers, touch screen and pen did, as typed values. Source: `protocol/input.md`.
 */

/** Touch, pen and touchpad events: §5. A number beyond the table is kept as `unknown`. */
export type PointerEvent =
  | 'hover'
  | 'down'
  | 'up'
  | 'move'
  | 'cancel'
  | 'button-only'
  | 'hover-leave'
  | 'cancel-all'
  | 'unknown';

/** §3. */
export interface KeyInput {
  readonly kind: 'keyboard';
  readonly isDown: boolean;
  /** Windows virtual-key code 0–255, by position on a US keyboard unless `isLiteral`. */
  readonly virtualKey: number;
  /** The key has no place on a US keyboard: take the code literally. */
  readonly isLiteral: boolean;
  /** 0x01 Shift, 0x02 Ctrl, 0x04 Alt, 0x08 Meta. */
  readonly modifiers: number;
}

/** §2.2. Position = x / width and y / height, clamped by the reader of this. */
export interface MouseAbsoluteInput {
  readonly kind: 'mouseAbsolute';
  readonly x: number;
  readonly y: number;
  /** The client's reference size less 1; 0 and below are possible and mean nothing. */
  readonly width: number;
  readonly height: number;
}

/** §4.1: the complete state of one controller. */
export interface ControllerStateInput {
  readonly kind: 'controllerState';
  /** 0–15. */
  readonly controller: number;
  /** Bit n: controller n is present. */
  readonly activeMask: number;
  /** Button bits, low 16 and high 16 combined, unsigned. */
  readonly buttons: number;
  /** 0–255. */
  readonly leftTrigger: number;
  readonly rightTrigger: number;
  /** −32768…32767; x to the right, y up. */
  readonly leftX: number;
  readonly leftY: number;
  readonly rightX: number;
  readonly rightY: number;
}

/** §5.1. Coordinates and sizes are fractions of the picture; NaN and infinities are never passed on. */
export interface TouchInput {
  readonly kind: 'touch';
  readonly event: PointerEvent;
  /** Degrees 0–360, 0xFFFF unknown. */
  readonly rotation: number;
  readonly pointerId: number;
  readonly x: number;
  readonly y: number;
  readonly pressureOrDistance: number;
  readonly contactMajor: number;
  readonly contactMinor: number;
}

/** §5.2. */
export interface PenInput {
  readonly kind: 'pen';
  readonly event: PointerEvent;
  /** 0 unknown (keep), 1 pen, 2 eraser. */
  readonly tool: number;
  /** 1 primary, 2 secondary, 4 tertiary. */
  readonly buttons: number;
  readonly x: number;
  readonly y: number;
  readonly pressureOrDistance: number;
  readonly rotation: number;
  /** Degrees 0–90, 0xFF unknown. */
  readonly tilt: number;
  readonly contactMajor: number;
  readonly contactMinor: number;
}

/** §4.2. */
export interface ControllerArrivalInput {
  readonly kind: 'controllerArrival';
  readonly controller: number;
  /** 0 unknown, 1 Xbox, 2 PlayStation, 3 Nintendo, 4 Steam; others count as 0. */
  readonly type: number;
  readonly capabilities: number;
  readonly supportedButtons: number;
}

/** §4.3. */
export interface ControllerTouchpadInput {
  readonly kind: 'controllerTouchpad';
  readonly controller: number;
  readonly event: PointerEvent;
  readonly touchpad: number;
  readonly pointerId: number;
  readonly x: number;
  readonly y: number;
  readonly pressure: number;
}

/** §4.4: accelerometer in m/s², gyroscope in degrees a second. */
export interface ControllerMotionInput {
  readonly kind: 'controllerMotion';
  readonly controller: number;
  /** 1 accelerometer, 2 gyroscope. */
  readonly sensor: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

export type InputEvent =
  | KeyInput
  /** Raw counts; x to the right, y down. */
  | { readonly kind: 'mouseRelative'; readonly dx: number; readonly dy: number }
  | MouseAbsoluteInput
  /** 1 left, 2 middle, 3 right, 4 and 5 the side buttons. */
  | { readonly kind: 'mouseButton'; readonly isDown: boolean; readonly button: number }
  /** 120 a notch; vertical positive is up, horizontal positive is right. */
  | { readonly kind: 'scroll'; readonly axis: 'vertical' | 'horizontal'; readonly amount: number }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'hapticsEnable'; readonly isEnabled: boolean }
  | ControllerStateInput
  | ControllerArrivalInput
  | ControllerTouchpadInput
  | ControllerMotionInput
  /** `percent` 0–100, 0xFF unknown; `state` as in §4.5. */
  | {
      readonly kind: 'controllerBattery';
      readonly controller: number;
      readonly state: number;
      readonly percent: number;
    }
  | TouchInput
  | PenInput;

export type InputKind = InputEvent['kind'];
