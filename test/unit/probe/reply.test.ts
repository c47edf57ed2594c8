import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type HostReply, parseReply } from '../../../src/probe/reply.js';

const read = (body: string): HostReply => {
  const result = parseReply(body);
  assert.ok(result.ok, result.ok ? '' : result.reason);
  return result.reply;
};

describe('probe/reply', () => {
  it('reads status, texts and integers of a serverinfo', () => {
    const reply = read(
      '<?xml version="1.0" encoding="utf-8"?><root status_code="200"><hostname>den &amp; pc</hostname><HttpsPort>47984</HttpsPort><PairStatus>1</PairStatus></root>',
    );
    assert.equal(reply.status, 200);
    assert.equal(reply.text('hostname'), 'den & pc');
    assert.equal(reply.integer('HttpsPort'), 47984);
    assert.equal(reply.text('missing'), '');
    assert.equal(reply.integer('missing', -7), -7);
  });

  it('keeps the digits of a text that looks like a number', () => {
    assert.equal(
      read('<root status_code="200"><plaincert>0012e5</plaincert></root>').text('plaincert'),
      '0012e5',
    );
  });

  it('passes a refusal on with the words of the host', () => {
    const reply = read('<root status_code="401" status_message="The client is not authorized."/>');
    assert.equal(reply.status, 401);
    assert.equal(reply.message, 'The client is not authorized.');
  });

  it('lets the first element of a name count', () => {
    assert.equal(read('<root status_code="200"><a>1</a><a>2</a></root>').text('a'), '1');
  });

  it('lists the apps in document order, one or many', () => {
    const one = read('<root status_code="200"><App><AppTitle>Desktop</AppTitle><ID>5</ID></App></root>');
    assert.deepEqual(one.list('App'), [{ AppTitle: 'Desktop', ID: '5' }]);
    const two = read('<root status_code="200"><App><ID>2</ID></App><App><ID>1</ID><AppTitle/></App></root>');
    assert.deepEqual(two.list('App'), [{ ID: '2' }, { ID: '1', AppTitle: '' }]);
    assert.deepEqual(read('<root status_code="200"/>').list('App'), []);
  });

  it('refuses replies that no host sends', () => {
    const bodies = [
      '',
      'plain text',
      '<html><body>hello</body></html>',
      '<root><a>1</a></root>',
      '<root status_code="ok"/>',
      '<root status_code="200"',
      '<!DOCTYPE root [<!ENTITY a "aaaa">]><root status_code="200">&a;</root>',
    ];
    for (const body of bodies) assert.equal(parseReply(body).ok, false, body);
  });

  it('does not reach what the document did not bring', () => {
    const reply = read('<root status_code="200"><a>x</a></root>');
    assert.equal(reply.text('toString'), '');
    assert.equal(reply.text('__proto__'), '');
    assert.deepEqual(reply.list('hasOwnProperty'), []);
  });

  it('refuses a document that nests without end', () => {
    const body = `<root status_code="200">${'<a>'.repeat(5000)}${'</a>'.repeat(5000)}</root>`;
    assert.equal(parseReply(body).ok, false);
  });

  it('never throws, whatever the host sends', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '<root',
        ' status_code="200"',
        '>',
        '</root>',
        '<App>',
        '<',
        '&',
        '&#x0;',
        '<![CDATA[',
        '-->',
        '/>',
      ),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const result = parseReply(pieces.join(''));
        if (result.ok) {
          assert.equal(typeof result.reply.text('App'), 'string');
          assert.ok(Array.isArray(result.reply.list('App')));
        }
      }),
      { numRuns: 500 },
    );
  });
});
