import assert from 'node:assert/strict';
import pino from 'pino';
import { RtspHandshake, type RtspSession } from '../../../src/rtsp/handshake.js';

const SESSION: RtspSession = {
  token: '5F3A9C10',
  riKey: Buffer.alloc(16),
  isEncrypted: false,
  peerAddress: '127.0.0.1',
  ports: { video: 1, control: 2, audio: 3 },
  videoPingPayload: '9C41E07B52D3AA18',
  audioPingPayload: '04D2F16A7B8E93C5',
  connectData: 1,
  describeBody: () => '',
  announce: async () => ({ ok: true }),
  play: () => undefined,
};

describe('the RTSP handshake', () => {
  it('refuses what comes too early as often as it comes, and says so once', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line) => lines.push(line) });
    const handshake = new RtspHandshake(SESSION, logger);
    for (let i = 0; i < 500; i += 1) {
      const reply = await handshake.answer({ method: 'PLAY', target: '/', headers: new Map(), body: '' });
      assert.equal(reply.status, 455);
    }
    assert.equal(lines.length, 1);
  });
});
