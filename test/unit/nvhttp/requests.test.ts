/** The pure parts: XML, queries, launch parameters, serverinfo, addresses, the attempt limiter, the placeholder. */
import assert from 'node:assert/strict';
import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { XMLParser } from 'fast-xml-parser';
import { findMacAddress, NO_MAC } from '../../../src/nvhttp/address.js';
import { AttemptLimiter } from '../../../src/nvhttp/attempt-limiter.js';
import { parseLaunchRequest } from '../../../src/nvhttp/launch-request.js';
import { createPlaceholderPng } from '../../../src/nvhttp/placeholder-art.js';
import { parseHex, parseInteger, parseQuery, Query, splitTarget } from '../../../src/nvhttp/query.js';
import { formatServerInfo } from '../../../src/nvhttp/server-info.js';
import { errorReply, formatReply, okReply, xmlElement } from '../../../src/nvhttp/xml.js';
import { H264 } from '../../support/plans.js';
import { statusOf, textOf } from './pairing-client.js';

const queryOf = (parameters: Record<string, string>): Query =>
  new Query(new Map(Object.entries(parameters).map(([name, value]) => [name.toLowerCase(), value])));

/** What XML 1.0 §2.2 does not allow in a document, escaped or not. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML forbids
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu;

describe('XML replies', function () {
  this.timeout(10_000); // a busy machine may stall for seconds

  it('are compact: nothing stands between elements or after the end', () => {
    const text = formatReply(
      okReply(xmlElement('App', [xmlElement('ID', 7), xmlElement('AppTitle', 'a b')])),
    );
    assert.equal(
      text,
      '<?xml version="1.0" encoding="utf-8"?><root status_code="200"><App><ID>7</ID><AppTitle>a b</AppTitle></App></root>',
    );
  });

  it('carry path and message of an error as attributes', () => {
    assert.equal(
      formatReply({ ...errorReply(401, 'No & "no"'), path: '/launch' }),
      '<?xml version="1.0" encoding="utf-8"?><root status_code="401" query="/launch" status_message="No &amp; &quot;no&quot;"/>',
    );
  });

  it('bring any text through a parser as it was, but for what XML cannot carry', () => {
    const parser = new XMLParser({ ignoreAttributes: false, parseTagValue: false, trimValues: false });
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
        const carried = text.replace(FORBIDDEN, '\ufffd');
        const lines = carried.replaceAll(/\r\n?/g, '\n'); // XML 1.0 §2.11
        const parsed = parser.parse(formatReply(okReply(xmlElement('hostname', text))));
        assert.equal(parsed.root.hostname, lines);
      }),
    );
  });
});

describe('a query', function () {
  this.timeout(10_000); // a busy machine may stall for seconds

  it('is found by names of any case', () => {
    const parsed = parseQuery('UniqueID=1&rikey=AB');
    assert.ok(parsed.ok);
    assert.equal(parsed.query.get('uniqueid'), '1');
    assert.equal(parsed.query.get('RIKEY'), 'AB');
    assert.equal(parsed.query.get('absent'), undefined);
  });

  it('takes the same value twice and refuses two different ones', () => {
    assert.ok(parseQuery('a=1&A=1').ok);
    assert.equal(parseQuery('a=1&A=2').ok, false);
  });

  it('is bounded in parameters, names and values', () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => `p${index}=1`).join('&');
    assert.ok(parseQuery(many(64)).ok);
    assert.equal(parseQuery(many(65)).ok, false);
    assert.equal(parseQuery(`${'n'.repeat(65)}=1`).ok, false);
    assert.ok(parseQuery(`v=${'0'.repeat(16 * 1024)}`).ok);
    assert.equal(parseQuery(`v=${'0'.repeat(16 * 1024 + 1)}`).ok, false);
  });

  it('refuses broken percent sequences', () => {
    for (const text of ['a=%', 'a=%zz', 'a=%ff', '%e0=1']) assert.equal(parseQuery(text).ok, false);
  });

  it('gives back whatever was encoded', () => {
    const name = fc.stringMatching(/^[a-z]{1,10}$/);
    fc.assert(
      fc.property(fc.dictionary(name, fc.string(), { maxKeys: 20, noNullPrototype: true }), (values) => {
        const parsed = parseQuery(new URLSearchParams(values).toString());
        assert.ok(parsed.ok);
        for (const [key, value] of Object.entries(values)) assert.equal(parsed.query.get(key), value);
      }),
    );
  });

  it('survives any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) =>
        assert.equal(typeof parseQuery(text).ok, 'boolean'),
      ),
    );
  });

  it('begins at the first question mark', () => {
    assert.deepEqual(splitTarget('/a?b?c=1'), { path: '/a', queryText: 'b?c=1' });
    assert.deepEqual(splitTarget('/a'), { path: '/a', queryText: '' });
  });

  it('has hex of either case and integers within bounds, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const hex = Buffer.from(bytes).toString('hex');
        assert.deepEqual(parseHex(hex), Buffer.from(bytes));
        assert.deepEqual(parseHex(hex.toUpperCase()), Buffer.from(bytes));
        assert.equal(parseHex(`${hex}0`), undefined);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        const value = parseInteger(text, -5, 5);
        assert.ok(value === undefined || (value >= -5 && value <= 5 && /^-?\d+$/.test(text)));
      }),
    );
    assert.equal(parseHex('0x'), undefined);
    assert.equal(parseInteger('', 0, 9), undefined);
    assert.equal(parseInteger('1e1', 0, 99), undefined);
  });
});

describe('launch parameters', function () {
  this.timeout(10_000); // a busy machine may stall for seconds

  const GOOD = {
    appid: '1',
    mode: '1920x1080x60',
    rikey: 'A0A1A2A3A4A5A6A7A8A9AAABACADAEAF',
    rikeyid: '-2',
    localAudioPlayMode: '0',
    surroundAudioInfo: '196610',
    corever: '1',
  };
  const parse = (changes: Record<string, string | undefined>, verb: 'launch' | 'resume' = 'launch') => {
    const merged = Object.entries({ ...GOOD, ...changes }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    return parseLaunchRequest(verb, queryOf(Object.fromEntries(merged)));
  };
  const messageOf = (changes: Record<string, string | undefined>): string => {
    const result = parse(changes);
    assert.ok(!result.ok);
    assert.equal(result.statusCode, 400);
    return result.message;
  };

  it('become a typed request', () => {
    const result = parse({ localAudioPlayMode: '1' });
    assert.deepEqual(result, {
      ok: true,
      request: {
        appId: 1,
        mode: { width: 1920, height: 1080, fps: 60 },
        riKey: Buffer.from('a0a1a2a3a4a5a6a7a8a9aaabacadaeaf', 'hex'),
        riKeyId: 0xfffffffe,
        coreVersion: 1,
        playsAudioOnHost: true,
        audioChannels: 2,
      },
    });
  });

  it('read the key id as the same 32 bits, signed or not', () => {
    for (const [text, value] of [
      ['1', 1],
      ['-1', 0xffffffff],
      ['305419896', 0x12345678],
      ['4294967294', 0xfffffffe],
    ] as const) {
      const result = parse({ rikeyid: text });
      assert.ok(result.ok);
      assert.equal(result.request.riKeyId, value);
    }
  });

  it('refuse absurd modes with a sentence that says what is possible', () => {
    assert.match(messageOf({ mode: '0x0x0' }), /0x0 is not possible: choose sides of 64 to 8192/);
    assert.match(messageOf({ mode: '100000x1080x60' }), /100000x1080 is not possible/);
    assert.match(messageOf({ mode: '1921x1080x60' }), /even width and an even height/);
    assert.match(messageOf({ mode: '1920x1081x60' }), /even/);
    assert.match(
      messageOf({ mode: '1920x1080x10000' }),
      /10000 frames per second are not possible: choose 1 to 480/,
    );
    assert.match(messageOf({ mode: '1920x1080x0' }), /0 frames per second/);
    for (const mode of ['', '1920x1080', '-1x-1x-1', '1920x1080x60x1', '1e3x1000x60']) {
      assert.match(messageOf({ mode }), /not WIDTHxHEIGHTxFPS/);
    }
  });

  it('refuse a missing or broken key, key id, app, play mode and speaker layout', () => {
    for (const rikey of [undefined, '', 'a0', 'zz'.repeat(16), '00'.repeat(17)])
      assert.match(messageOf({ rikey }), /rikey/);
    for (const rikeyid of [undefined, '', 'x', '-2147483649', '4294967296'])
      assert.match(messageOf({ rikeyid }), /rikeyid/);
    for (const appid of [undefined, '', '0', '-1', '2147483648', 'x'])
      assert.match(messageOf({ appid }), /appid/);
    for (const localAudioPlayMode of [undefined, '2'])
      assert.match(messageOf({ localAudioPlayMode }), /localAudioPlayMode/);
    for (const surroundAudioInfo of ['0', '196611', 'x'])
      assert.match(messageOf({ surroundAudioInfo }), /2, 6 or 8/);
  });

  it('read surround layouts', () => {
    for (const [surroundAudioInfo, channels] of [
      ['4128774', 6],
      ['104792072', 8],
    ] as const) {
      const result = parse({ surroundAudioInfo });
      assert.ok(result.ok);
      assert.equal(result.request.audioChannels, channels);
    }
  });

  it('need only the key on a resume, as older clients send it', () => {
    const { rikey, rikeyid } = GOOD;
    const result = parseLaunchRequest('resume', queryOf({ rikey, rikeyid }));
    assert.ok(result.ok);
    assert.equal(result.request.appId, null);
    assert.equal(result.request.mode, null);
    assert.equal(result.request.audioChannels, 2);
    assert.equal(result.request.coreVersion, 0);
  });

  it('of any content give a bounded request or a refusal', () => {
    const value = fc.oneof(fc.string(), fc.integer().map(String), fc.constant('1920x1080x60'));
    const parameters = fc.record(
      Object.fromEntries([...Object.keys(GOOD), 'gcmap'].map((name) => [name, value])),
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(parameters, fc.boolean(), (changes, isWhole) => {
        const result = isWhole
          ? parse(changes)
          : parseLaunchRequest('resume', queryOf(changes as Record<string, string>));
        if (!result.ok) return;
        const { mode, riKey, riKeyId } = result.request;
        assert.ok(
          mode === null || (mode.width % 2 === 0 && mode.height <= 8192 && mode.fps >= 1 && mode.fps <= 480),
        );
        assert.equal(riKey.length, 16);
        assert.ok(riKeyId >= 0 && riKeyId <= 0xffffffff);
      }),
    );
  });
});

describe('serverinfo', () => {
  const host = {
    hostname: 'den <pc>',
    videoFormats: [H264],
    macFor: () => '02:11:22:33:44:55',
  };
  const context = { uniqueId: 'ID', httpPort: 47989, httpsPort: 47984, localAddress: '192.0.2.1' };

  it('shows a paired client its game, its pairing and the MAC', () => {
    const text = formatReply(formatServerInfo(host, { ...context, client: { runningApp: 9 } }));
    assert.equal(
      text,
      '<?xml version="1.0" encoding="utf-8"?><root status_code="200"><hostname>den &lt;pc&gt;</hostname>' +
        '<appversion>7.1.431.-1</appversion><GfeVersion>3.23.0.74</GfeVersion><uniqueid>ID</uniqueid>' +
        '<HttpsPort>47984</HttpsPort><ExternalPort>47989</ExternalPort><MaxLumaPixelsHEVC>0</MaxLumaPixelsHEVC>' +
        '<mac>02:11:22:33:44:55</mac><LocalIP>192.0.2.1</LocalIP><ServerCodecModeSupport>1</ServerCodecModeSupport>' +
        '<PairStatus>1</PairStatus><currentgame>9</currentgame><state>SUNSHINE_SERVER_BUSY</state></root>',
    );
  });

  it('shows a stranger a free host without MAC', () => {
    const text = formatReply(formatServerInfo(host, { ...context, client: null }));
    assert.equal(statusOf(text), 200);
    assert.equal(textOf(text, 'mac'), NO_MAC);
    assert.equal(textOf(text, 'PairStatus'), '0');
    assert.equal(textOf(text, 'currentgame'), '0');
    assert.equal(textOf(text, 'state'), 'SUNSHINE_SERVER_FREE');
  });

  it('names 127.0.0.1 for a connection over IPv6', () => {
    const text = formatReply(
      formatServerInfo(host, { ...context, localAddress: '2001:db8::1', client: null }),
    );
    assert.equal(textOf(text, 'LocalIP'), '127.0.0.1');
  });
});

describe('addresses', () => {
  it('lead to the MAC of their card', () => {
    const info = (address: string, mac: string) =>
      ({ address, mac, netmask: '', family: 'IPv4', internal: false, cidr: null }) as const;
    const cards = {
      eth0: [info('192.0.2.1', '02:00:00:00:00:01')],
      eth1: [info('192.0.2.2', '02:00:00:00:00:02')],
    };
    assert.equal(findMacAddress('::ffff:192.0.2.2', cards), '02:00:00:00:00:02');
    assert.equal(findMacAddress('192.0.2.3', cards), NO_MAC);
    assert.equal(findMacAddress('127.0.0.1'), NO_MAC);
  });
});

describe('the attempt limiter', () => {
  const limits = {
    freeAttempts: 3,
    baseDelayMs: 1000,
    maxDelayMs: 8000,
    forgetAfterMs: 60_000,
    maxAddresses: 2,
  };

  it('lets the free attempts through and doubles the wait after each further one, up to the longest', () => {
    const limiter = new AttemptLimiter(limits);
    let nowMs = 0;
    const waits = Array.from({ length: 8 }, () => {
      assert.equal(limiter.admit('a', nowMs), 0);
      const waitMs = limiter.admit('a', nowMs);
      nowMs += waitMs;
      return waitMs;
    });
    // Both calls of the first round were free attempts; the third free one starts the first wait.
    assert.deepEqual(waits, [0, 1000, 2000, 4000, 8000, 8000, 8000, 8000]);
  });

  it('counts the wait from the end of an attempt, so that holding one open gains nothing', () => {
    const limiter = new AttemptLimiter({ ...limits, freeAttempts: 1 });
    assert.equal(limiter.admit('a', 0), 0);
    limiter.fail('a', 50_000);
    assert.equal(limiter.admit('a', 50_000), 1000);
    assert.equal(limiter.admit('a', 51_000), 0);
    limiter.fail('a', 55_000);
    assert.equal(limiter.admit('a', 55_000), 2000);
    limiter.fail('never seen', 0);
    assert.equal(limiter.admit('never seen', 0), 0);
  });

  it('does not count what it refused', () => {
    const limiter = new AttemptLimiter(limits);
    for (let attempt = 0; attempt < 3; attempt += 1) assert.equal(limiter.admit('a', 0), 0);
    for (let attempt = 0; attempt < 100; attempt += 1) assert.equal(limiter.admit('a', 0), 1000);
    assert.equal(limiter.admit('a', 1000), 0);
  });

  it('forgives success and forgets the quiet', () => {
    const limiter = new AttemptLimiter({ ...limits, freeAttempts: 1, maxDelayMs: 100_000 });
    limiter.admit('a', 0);
    assert.ok(limiter.admit('a', 0) > 0);
    limiter.forgive('a');
    assert.equal(limiter.admit('a', 0), 0);
    assert.equal(limiter.admit('a', 60_000), 0);
    assert.equal(limiter.admit('a', 60_000), 1000);
  });

  it('remembers a bounded number of addresses', () => {
    const limiter = new AttemptLimiter(limits);
    for (let index = 0; index < 1000; index += 1) limiter.admit(`address ${index}`, index);
    assert.equal(limiter.size, 2);
  });
});

describe('the placeholder picture', () => {
  it('is a PNG of exactly the size that clients draw titles on', () => {
    const png = createPlaceholderPng();
    assert.equal(png.subarray(0, 8).toString('hex'), '89504e470d0a1a0a');
    assert.equal(png.subarray(12, 16).toString('latin1'), 'IHDR');
    assert.equal(png.readUInt32BE(16), 130);
    assert.equal(png.readUInt32BE(20), 180);
    const dataStart = png.indexOf('IDAT') + 4;
    const dataBytes = png.readUInt32BE(dataStart - 8);
    const rows = inflateSync(png.subarray(dataStart, dataStart + dataBytes));
    assert.equal(rows.length, 180 * (1 + 130 * 3));
  });
});
