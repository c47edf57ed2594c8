/** What DESCRIBE offers: exactly what this host does (`protocol/rtsp.md` §5.2). */
import type { EncryptionPolicy } from '../config/settings.js';
import { formatDescription, formatSurroundParams, STEREO_PARAMS } from '../rtsp/describe.js';
import { type HostCapabilities, hasFormat } from '../session/stream-plan.js';

/** Input events of every kind are understood: pen and touch, controller touchpad and motion. */
const INPUT_FEATURES = 0x3;
const CONTROL_V2 = 0x1;
const VIDEO = 0x2;
const AUDIO = 0x4;
const ALL = CONTROL_V2 | VIDEO | AUDIO;

/** @param encryption what the owner wants for the client that asks */
export const describeHost = ({ video, surround }: HostCapabilities, encryption: EncryptionPolicy): string =>
  formatDescription({
    canHevc: hasFormat(video, { codec: 'hevc' }),
    canAv1: hasFormat(video, { codec: 'av1' }),
    featureFlags: INPUT_FEATURES,
    encryptionSupported: encryption === 'off' ? CONTROL_V2 | AUDIO : ALL,
    encryptionRequested: encryption === 'required' ? ALL : CONTROL_V2,
    surroundParams: [STEREO_PARAMS, ...surround.flatMap(formatSurroundParams)],
  });
