import assert from 'node:assert/strict';
import {
  type AudioWishes,
  audioProblem,
  audioWireKbps,
  toAudioPlan,
} from '../../../src/session/negotiate-audio.js';

const WISHES: AudioWishes = {
  audioChannels: 2,
  wantsSurroundHighQuality: false,
  wantsStereoHighQuality: false,
  audioPacketDurationMs: 5,
  encryptsAudio: true,
  wantsAudioQos: true,
};
const FIVE_ONE = { channels: 6, streams: 6, coupled: 0, mapping: [0, 1, 2, 3, 4, 5] } as const;

describe('negotiate-audio', () => {
  it('grants each layout in both qualities, with the bitrates of the protocol as far as the encoder goes', () => {
    const kbps = [2, 6, 8].map((audioChannels) =>
      [false, true].map(
        (isHigh) =>
          toAudioPlan(
            { ...WISHES, audioChannels, wantsSurroundHighQuality: isHigh, wantsStereoHighQuality: isHigh },
            false,
          ).bitrateKbps,
      ),
    );
    assert.deepEqual(kbps, [
      [96, 512],
      [256, 650],
      [450, 650],
    ]);
  });

  it('takes the quality of stereo from the Host header and of surround from the attribute', () => {
    const stereo = toAudioPlan({ ...WISHES, wantsSurroundHighQuality: true }, false);
    assert.equal(stereo.highQuality, false);
    const surround = toAudioPlan({ ...WISHES, audioChannels: 6, wantsStereoHighQuality: true }, false);
    assert.equal(surround.highQuality, false);
  });

  it('grants surround sound only where its layout is known', () => {
    assert.match(
      audioProblem({ ...WISHES, audioChannels: 8 }, { surround: [FIVE_ONE] }) ?? '',
      /8 audio channels/,
    );
    assert.equal(audioProblem({ ...WISHES, audioChannels: 6 }, { surround: [FIVE_ONE] }), undefined);
    assert.equal(audioProblem(WISHES, { surround: [] }), undefined);
  });

  it('carries over whether the host plays along', () => {
    assert.equal(toAudioPlan(WISHES, true).playsOnHost, true);
    assert.equal(toAudioPlan(WISHES, false).playsOnHost, false);
  });

  it('counts headers, padding and parity', () => {
    const audio = { bitrateKbps: 96, packetDurationMs: 5, encrypted: true } as const;
    assert.equal(audioWireKbps(audio, 28), 259.2);
    assert.equal(audioWireKbps(audio, 48), 259.2 + 48, '20 bytes more for each of 300 datagrams a second');
  });
});
