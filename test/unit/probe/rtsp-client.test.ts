import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DEFAULT_PROBE_OPTIONS, ENCRYPT } from '../../../src/probe/options.js';
import {
  agree,
  agreeEncryption,
  readConnectData,
  readPingPayload,
  readServerPort,
  toAnnounce,
} from '../../../src/probe/rtsp-client.js';
import { formatAnnounce, parseAnnounce } from '../../../src/rtsp/announce.js';
import { type FoundDescription, parseDescription } from '../../../src/rtsp/describe.js';

const host: FoundDescription = {
  ...parseDescription(''),
  canHevc: true,
  encryptionSupported: 7,
};
const wanted = {
  codec: 'h264',
  bitDepth: 8,
  chroma: '420',
  packetSize: 1392,
  encryption: ENCRYPT.control | ENCRYPT.audio,
  audioChannels: 2,
  bitrateKbps: 20_000,
} as const;

describe('probe/rtsp-client', () => {
  it('turns on what both the client wants and the host can', () => {
    assert.equal(agreeEncryption(7, { encryptionSupported: 5, encryptionRequested: 0 }), 5);
    assert.equal(agreeEncryption(1, { encryptionSupported: 7, encryptionRequested: 0 }), 1);
    assert.equal(agreeEncryption(7, { encryptionSupported: 0, encryptionRequested: 0 }), 0);
  });

  it('turns on what the host insists on, if it can do it', () => {
    assert.equal(agreeEncryption(1, { encryptionSupported: 7, encryptionRequested: 6 }), 7);
    assert.equal(agreeEncryption(1, { encryptionSupported: 5, encryptionRequested: 2 }), 1);
  });

  it('announces 32 bytes less where video is encrypted', () => {
    assert.equal(agree({ ...wanted, encryption: 7 }, host).packetSize, 1360);
    assert.equal(agree(wanted, host).packetSize, 1392);
  });

  it('encrypts sound for a host that never offered to, as clients do', () => {
    const agreement = agree(wanted, { ...host, encryptionSupported: 1 });
    assert.equal(agreement.encryption, ENCRYPT.control);
    assert.equal(agreement.isAudioEncrypted, true);
  });

  it('streams H.264 from a host that lacks the wanted codec', () => {
    assert.equal(agree({ ...wanted, codec: 'hevc' }, host).codec, 'hevc');
    const fallback = agree({ ...wanted, codec: 'av1', bitDepth: 10, chroma: '444' }, host);
    assert.deepEqual([fallback.codec, fallback.bitDepth, fallback.chroma], ['h264', 8, '420']);
  });

  it('asks for high-quality surround where the host has a second entry and the bitrate is high', () => {
    const surroundParams = ['21101', '642014235', '660012345'];
    const agreed = (options: object) =>
      agree({ ...wanted, ...options }, { ...host, surroundParams }).audioLayout;
    assert.deepEqual(agreed({ audioChannels: 6 }), { layout: '660012345', isHighQuality: true });
    assert.deepEqual(agreed({ audioChannels: 6, bitrateKbps: 14_999 }), {
      layout: '642014523',
      isHighQuality: false,
    });
    assert.throws(() => agreed({ audioChannels: 8 }), /does not say how it codes 8 channels/);
  });

  it('announces what a host reads back', () => {
    const agreement = agree({ ...wanted, codec: 'hevc', bitDepth: 10, chroma: '444' }, host);
    const options = {
      ...DEFAULT_PROBE_OPTIONS,
      mode: { width: 1280, height: 720, fps: 120 },
      slices: 4,
      colorSpace: 'bt2020',
      fullRange: true,
    } as const;
    const body = formatAnnounce(toAnnounce(options, agreement), { address: '127.0.0.1', videoPort: 47998 });
    const parsed = parseAnnounce(body);
    assert.ok(parsed.ok);
    const { width, height, fps, configuredKbps, maximumKbps, references, packetSize } = parsed.attributes;
    assert.deepEqual(
      [width, height, fps, configuredKbps, maximumKbps, references, packetSize],
      [1280, 720, 120, 20_000, 16_000, 1, 1392],
    );
    const { codec, isTenBit, isYuv444, slices, encoderCscMode } = parsed.attributes;
    assert.deepEqual([codec, isTenBit, isYuv444, slices, encoderCscMode], ['hevc', true, true, 4, 5]);
  });

  it('finds the server port among other parameters and falls back to the usual one', () => {
    assert.equal(readServerPort('server_port=57998', 'video'), 57998);
    assert.equal(readServerPort('unicast;server_port=48000-48001;source=1.2.3.4', 'audio'), 48000);
    assert.equal(readServerPort(undefined, 'video'), 47998);
    assert.equal(readServerPort('server_port=0', 'control'), 47999);
    assert.equal(readServerPort('server_port=99999', 'audio'), 48000);
  });

  it('takes ping payloads of exactly 16 bytes', () => {
    assert.equal(readPingPayload('9C41E07B52D3AA18'), '9C41E07B52D3AA18');
    for (const value of [undefined, '', '9C41E07B52D3AA1', '9C41E07B52D3AA188', 'ééééééééé']) {
      assert.equal(readPingPayload(value), null);
    }
  });

  it('reads connect data in both notations', () => {
    assert.equal(readConnectData('2864434397'), 2_864_434_397);
    assert.equal(readConnectData('0xAABBCCDD'), 0xaabbccdd);
    for (const value of [undefined, '', '-1', '4294967296', '0x', 'x'])
      assert.equal(readConnectData(value), 0);
  });

  it('keeps every header value in range', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const port = readServerPort(`server_port=${text}`, 'video');
        assert.ok(port >= 1 && port <= 65535);
        const data = readConnectData(text);
        assert.ok(Number.isInteger(data) && data >= 0 && data <= 0xffff_ffff);
        const payload = readPingPayload(text);
        assert.ok(payload === null || Buffer.byteLength(payload) === 16);
      }),
    );
  });
});
