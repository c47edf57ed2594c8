/** What DESCRIBE offers: exactly what this host does (`protocol/rtsp.md` §5.2). */
import { formatDescription, STEREO_PARAMS } from '../rtsp/describe.js';
import { type HostCapabilities, hasFormat } from '../session/stream-plan.js';

/** Input events of every kind are understood: pen and touch, controller touchpad and motion. */
const INPUT_FEATURES = 0x3;
const CONTROL_V2 = 0x1;
const VIDEO = 0x2;
const AUDIO = 0x4;

/** @param offersVideoEncryption the owner wants video encrypted where the client agrees */
export const describeHost = ({ video }: HostCapabilities, offersVideoEncryption: boolean): string =>
  formatDescription({
    canHevc: hasFormat(video, { codec: 'hevc' }),
    canAv1: hasFormat(video, { codec: 'av1' }),
    featureFlags: INPUT_FEATURES,
    encryptionSupported: CONTROL_V2 | AUDIO | (offersVideoEncryption ? VIDEO : 0),
    encryptionRequested: CONTROL_V2,
    surroundParams: [STEREO_PARAMS],
  });
