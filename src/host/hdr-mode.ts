/** What a client is told of the dynamic range of the picture (`protocol/control.md` §4.6). Pure. */
import type { HdrMode } from '../control/message.js';
import type { VideoPlan } from '../session/stream-plan.js';

const NONE = { x: 0, y: 0 } as const;
const SDR: HdrMode = {
  kind: 'hdrMode',
  isEnabled: false,
  red: NONE,
  green: NONE,
  blue: NONE,
  whitePoint: NONE,
  maxLuminance: 0,
  minLuminance: 0,
  maxContentLightLevel: 0,
  maxFrameAverageLightLevel: 0,
  maxFullFrameLuminance: 0,
};

/**
 * A display of BT.2020 primaries and white point D65 (ITU-R BT.2100-2, table 2), times 50 000, with the luminances that
 * most HDR10 material is mastered for: a source says nothing of its own.
 */
const HDR: HdrMode = {
  ...SDR,
  isEnabled: true,
  red: { x: 35_400, y: 14_600 },
  green: { x: 8500, y: 39_850 },
  blue: { x: 6550, y: 2300 },
  whitePoint: { x: 15_635, y: 16_450 },
  maxLuminance: 1000,
  minLuminance: 50,
};

/** HDR only where the picture really is. */
export const toHdrMode = ({ colorSpace }: Pick<VideoPlan, 'colorSpace'>): HdrMode =>
  colorSpace === 'bt2100-pq' ? HDR : SDR;
