import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  formatReply,
  formatRequest,
  MAX_REQUEST_BYTES,
  parseReply,
  readRequest,
} from '../../../src/rtsp/message.js';

const complete = (text: string) => {
  const read = readRequest(Buffer.from(text));
  assert.ok(read.state === 'complete', read.state === 'invalid' ? read.reason : read.state);
  return read.request;
};

const reasonOf = (text: string): string => {
  const read = readRequest(Buffer.from(text));
  assert.ok(read.state === 'invalid');
  return read.reason;
};

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,15}$/);
const value = fc.stringMatching(/^([!-~]( ?[!-~]){0,30})?$/);

describe('an RTSP request', () => {
  it('is read with its headers by lower-case name', () => {
    const request = complete('SETUP streamid=audio/0/0 RTSP/1.0\r\nCSeq: 3\r\nHost: 192.168.1.10\r\n\r\n');
    assert.equal(request.method, 'SETUP');
    assert.equal(request.target, 'streamid=audio/0/0');
    assert.deepEqual(
      [...request.headers],
      [
        ['cseq', '3'],
        ['host', '192.168.1.10'],
      ],
    );
    assert.equal(request.body, '');
  });

  it('of an old client may have bare line feeds, two spaces and an empty Host', () => {
    const request = complete('OPTIONS rtsp://:48010 RTSP/1.0\nCSeq:  1\nHost:\n\n');
    assert.equal(request.headers.get('cseq'), '1');
    assert.equal(request.headers.get('host'), '');
  });

  it('is complete as soon as the stated body is there', () => {
    const head = 'ANNOUNCE streamid=control/13/0 RTSP/1.0\r\nCSeq: 6\r\nContent-length: 5\r\n\r\n';
    assert.equal(readRequest(Buffer.from(`${head}v=0\n`)).state, 'incomplete');
    assert.equal(complete(`${head}v=0\r\n`).body, 'v=0\r\n');
    assert.equal(complete(`${head}v=0\r\nand more`).body, 'v=0\r\n');
  });

  it('states its length in bytes, not in characters', () => {
    const request = complete('ANNOUNCE x RTSP/1.0\r\nContent-length: 2\r\n\r\né');
    assert.equal(request.body, 'é');
  });

  it('is refused with a reason when it is none', () => {
    assert.match(reasonOf('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /request line/);
    assert.match(reasonOf('OPTIONS x RTSP/1.0\r\nno header\r\n\r\n'), /header line/);
    assert.match(reasonOf('OPTIONS x RTSP/1.0\r\nContent-length: many\r\n\r\n'), /Content-length/);
    assert.match(reasonOf('OPTIONS x RTSP/1.0\r\nContent-length: 99999\r\n\r\n'), /Content-length/);
    assert.match(reasonOf(`OPTIONS x RTSP/1.0\r\nContent-length: ${MAX_REQUEST_BYTES}\r\n\r\n`), /too long/);
    assert.match(reasonOf(`OPTIONS x RTSP/1.0\r\n${'A: b\r\n'.repeat(65)}\r\n`), /header line/);
    assert.match(reasonOf(`OPTIONS x RTSP/1.0\r\nA: ${'x'.repeat(MAX_REQUEST_BYTES)}`), /do not end/);
  });

  it('of blanks only is refused, whatever their number, and so is a request line above 1 KiB', () => {
    assert.match(reasonOf(`A${' '.repeat(900)}X\r\n\r\n`), /request line is not/);
    assert.match(reasonOf(`A${' '.repeat(16_000)}X\r\n\r\n`), /request line is too long/);
    assert.match(reasonOf(`A${' '.repeat(16_000)}`), /request line is too long/);
    assert.match(reasonOf(`${' '.repeat(MAX_REQUEST_BYTES - 4)}\r\n\r\n`), /request line is too long/);
    assert.match(reasonOf(`PLAY ${'x'.repeat(1100)} RTSP/1.0\r\n\r\n`), /request line is too long/);
  });

  it('may have any blanks around its target, and none', () => {
    assert.equal(complete('PLAY   /   RTSP/1.0\r\n\r\n').target, '/');
    assert.equal(complete('PLAY RTSP/1.0\r\n\r\n').target, '');
    assert.match(reasonOf('PLAYRTSP/1.0\r\n\r\n'), /request line is not/);
    assert.match(reasonOf('PLAY a b RTSP/1.0\r\n\r\n'), /request line is not/);
    assert.match(reasonOf(' PLAY / RTSP/1.0\r\n\r\n'), /request line is not/);
  });

  it('survives a round trip, cut anywhere it is incomplete', () => {
    const headers = fc.uniqueArray(fc.tuple(token, value), {
      maxLength: 8,
      selector: ([name]) => name.toLowerCase(),
    });
    fc.assert(
      fc.property(headers, fc.string(), fc.nat(), (fields, body, cut) => {
        const kept = fields.filter(([name]) => name.toLowerCase() !== 'content-length');
        const bytes = formatRequest({ method: 'DESCRIBE', target: 'rtsp://x:1', headers: kept, body });
        const read = readRequest(bytes);
        if (kept.length === 0 && body === '') return;
        assert.ok(read.state === 'complete');
        assert.equal(read.request.body, body);
        for (const [name, text] of kept) assert.equal(read.request.headers.get(name.toLowerCase()), text);
        assert.equal(readRequest(bytes.subarray(0, cut % bytes.length)).state, 'incomplete');
      }),
    );
  });

  it('never makes the reader throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
        readRequest(Buffer.from(random));
        readRequest(
          Buffer.concat([Buffer.from('PLAY / RTSP/1.0\r\n'), Buffer.from(random), Buffer.from('\r\n\r\n')]),
        );
        parseReply(Buffer.from(random));
      }),
    );
  });
});

describe('an RTSP reply', () => {
  it('is written as the client needs it', () => {
    const bytes = formatReply({ status: 200, reason: 'OK', headers: [['CSeq', '1']] });
    assert.equal(bytes.toString(), 'RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n');
  });

  it('is read only if the stock client could read it', () => {
    const refused = (text: string): string => {
      const parsed = parseReply(Buffer.from(text));
      assert.ok(!parsed.ok);
      return parsed.reason;
    };
    assert.match(refused('RTSP/1.0 200 OK\r\n\r\n'), /no header/);
    assert.match(refused('RTSP/1.0 200 OK\nCSeq: 1\n\n'), /empty line/);
    assert.match(refused('RTSP/1.0 200 \r\nCSeq: 1\r\n\r\n'), /status line/);
    assert.match(refused('HTTP/1.1 200 OK\r\nCSeq: 1\r\n\r\n'), /status line/);
    assert.match(refused('RTSP/1.0 200 OK\r\nCSeq:1\r\n\r\n'), /header line/);
  });

  it('survives a round trip', () => {
    const headers = fc.uniqueArray(fc.tuple(token, value), {
      minLength: 1,
      maxLength: 8,
      selector: ([name]) => name,
    });
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 999 }), headers, fc.string(), (status, fields, body) => {
        const parsed = parseReply(formatReply({ status, reason: 'Some Reason', headers: fields, body }));
        assert.ok(parsed.ok);
        assert.equal(parsed.status, status);
        assert.equal(parsed.reason, 'Some Reason');
        assert.deepEqual([...parsed.headers], fields);
        assert.equal(parsed.body, body);
      }),
    );
  });
});
