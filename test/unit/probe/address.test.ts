import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseHostAddress, parsePort, parseSessionUrl } from '../../../src/probe/address.js';

describe('probe/address', () => {
  it('takes the default port where none is typed', () => {
    assert.deepEqual(parseHostAddress('living-room'), { host: 'living-room', port: 47989 });
    assert.deepEqual(parseHostAddress('192.168.1.10'), { host: '192.168.1.10', port: 47989 });
    assert.deepEqual(parseHostAddress('::1'), { host: '::1', port: 47989 });
    assert.deepEqual(parseHostAddress('[fe80::1]'), { host: 'fe80::1', port: 47989 });
  });

  it('reads a port behind a name and behind a bracketed IPv6 address', () => {
    assert.deepEqual(parseHostAddress('127.0.0.1:57989'), { host: '127.0.0.1', port: 57989 });
    assert.deepEqual(parseHostAddress('[::1]:1029'), { host: '::1', port: 1029 });
  });

  it('refuses what is not an address', () => {
    for (const text of [
      '',
      ':1',
      'a:0',
      'a:65536',
      'a:1x',
      '[::1',
      '::1]:5',
      '[name]:5',
      'a b',
      'http://a',
    ]) {
      assert.equal(parseHostAddress(text), null, text);
    }
  });

  it('never throws and never gives a port out of range', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const address = parseHostAddress(text);
        if (address !== null) assert.ok(address.port >= 1 && address.port <= 65535 && address.host !== '');
      }),
    );
  });

  it('reads ports of 1 to 65535 only', () => {
    assert.equal(parsePort('1'), 1);
    assert.equal(parsePort('65535'), 65535);
    for (const text of ['0', '65536', '-1', '1.5', '', ' 1', '0x10'])
      assert.equal(parsePort(text), null, text);
  });

  it('takes the RTSP port behind the last colon and the scheme from the session URL', () => {
    assert.deepEqual(parseSessionUrl('rtspenc://192.168.1.10:48010', '10.0.0.1'), {
      isEncrypted: true,
      hostText: '192.168.1.10',
      port: 48010,
      url: 'rtspenc://192.168.1.10:48010',
    });
    const v6 = parseSessionUrl('rtsp://[fe80::2]:58010', '::1');
    assert.deepEqual([v6.isEncrypted, v6.hostText, v6.port], [false, '[fe80::2]', 58010]);
  });

  it('falls back to the known address and port 48010 without a usable session URL', () => {
    for (const url of ['', 'nonsense', 'rtsp://host', 'rtsp://:48010', 'rtsp://host:70000']) {
      const session = parseSessionUrl(url, '::1');
      assert.deepEqual([session.isEncrypted, session.hostText, session.port], [false, '[::1]', 48010], url);
    }
  });

  it('reads any session URL without throwing', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { port } = parseSessionUrl(`rtspenc://${text}`, '127.0.0.1');
        assert.ok(port >= 1 && port <= 65535);
      }),
    );
  });
});
