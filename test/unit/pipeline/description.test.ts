import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseDescription } from '../../../src/pipeline/description.js';
import { LumenError } from '../../../src/support/errors.js';

const GOOD = `codec = "h264"
title = "good"
rank = 10
requires = ["x264enc", "x264enc.threads"]
formats = { "8-bit 4:2:0" = "I420" }
convert = '''
videoconvert
'''
encode = '''
x264enc name=encoder
bitrate=\${encoder_kbps}
'''
`;

const failureOf = (text: string, kind: 'encoders' | 'sources' = 'encoders'): LumenError => {
  try {
    parseDescription(kind, '/p/encoders/good.toml', text);
  } catch (error) {
    assert.ok(error instanceof LumenError);
    assert.equal(error.code, 'LUMEN_PIPELINE_INVALID');
    return error;
  }
  throw new assert.AssertionError({ message: 'the description was accepted' });
};

describe('description', () => {
  it('reads an encoder stage and takes its name from the file', () => {
    const encoder = parseDescription('encoders', '/p/encoders/good.toml', GOOD);
    assert.equal(encoder.name, 'good');
    assert.equal(encoder.rank, 10);
    assert.equal(encoder.convert, 'videoconvert');
  });

  it('reads which properties change in place, and refuses a name or a placeholder that cannot be', () => {
    const withLive = (live: string): string => GOOD.replace('rank = 10', `live = ${live}\nrank = 10`);
    const text = withLive(`{ bitrate = "\${encoder_kbps}" }`);
    assert.deepEqual(parseDescription('encoders', '/p/encoders/good.toml', text).live, {
      bitrate: `\${encoder_kbps}`,
    });
    assert.match(
      failureOf(withLive(`{ bitrate = "\${encoder_kps}" }`)).message,
      /nearest is \$\{encoder_kbps\}/,
    );
    assert.equal(failureOf(withLive('{ "a b" = "1" }')).details['file'], '/p/encoders/good.toml:3');
  });

  it('says the line of a syntax error', () => {
    const failure = failureOf(GOOD.replace('rank = 10', 'rank = = 10'));
    assert.equal(failure.details['file'], '/p/encoders/good.toml:3');
    assert.match(failure.remedy, /correct the TOML/);
  });

  it('says the line of an unknown placeholder and its nearest name', () => {
    const failure = failureOf(GOOD.replace('encoder_kbps', 'encoder_kps'));
    assert.equal(failure.details['file'], '/p/encoders/good.toml:11');
    assert.match(failure.message, /nearest is \$\{encoder_kbps\}/);
  });

  it('says the line of an unknown key and the nearest one', () => {
    const failure = failureOf(GOOD.replace('convert =', 'convret ='));
    assert.match(failure.message, /convert|convret/);
    const extra = failureOf(`${GOOD}tilte = "x"\n`);
    assert.equal(extra.details['file'], '/p/encoders/good.toml:13');
    assert.match(extra.remedy, /"title"/);
  });

  it('says which value is not valid', () => {
    assert.match(failureOf(GOOD.replace('10', '"high"')).message, /rank/);
    assert.match(failureOf(GOOD.replace('"h264"', '"vp8"')).message, /codec/);
    assert.match(failureOf(GOOD.replace('x264enc.threads', 'x264enc ! rm')).message, /requires/);
  });

  it('refuses a video stage without an element to ask for key frames', () => {
    for (const name of ['', 'name=encoder2', 'my-name=encoder']) {
      const failure = failureOf(GOOD.replace('name=encoder', name));
      assert.equal(failure.details['file'], '/p/encoders/good.toml:9');
      assert.match(failure.remedy, /name=encoder/);
    }
    const quoted = GOOD.replace('name=encoder', 'name = "encoder"');
    assert.equal(parseDescription('encoders', '/p/good.toml', quoted).name, 'good');
    const sound = GOOD.replace('h264', 'opus').replace('name=encoder', '');
    assert.equal(parseDescription('encoders', '/p/good.toml', sound).codec, 'opus');
  });

  it('takes a source for HDR only where its caps insist on it', () => {
    const source = (hdr: string, caps: string) =>
      `title = "x"\nrequires = []\n${hdr}\nsource = 'a ! video/x-raw,format=P010_10LE${caps}'\n`;
    const good = source('hdr = true', ',colorimetry=bt2100-pq');
    assert.equal(parseDescription('sources', '/p/x.toml', good).hdr, true);
    assert.equal(parseDescription('sources', '/p/x.toml', source('', '')).hdr, undefined);
    const failure = failureOf(source('hdr = true', ',colorimetry=bt709'), 'sources');
    assert.match(String(failure.details['file']), /:3$/);
    assert.match(failure.remedy, /bt2100-pq/);
  });

  it('refuses a video stage that names no format, or one that no client can ask for', () => {
    const none = failureOf(GOOD.replace(/formats = .*/, ''));
    assert.match(none.remedy, /"8-bit 4:2:0" = "I420"/);
    const ten = failureOf(GOOD.replace('"8-bit 4:2:0"', '"10-bit 4:2:0"'));
    assert.equal(ten.details['file'], '/p/encoders/good.toml:5');
    assert.match(ten.message, /no 10-bit 4:2:0 h264/);
    const typo = failureOf(GOOD.replace('"8-bit 4:2:0"', '"8-bit 4:2:2"'));
    assert.equal(typo.details['file'], '/p/encoders/good.toml:5');
    const shell = failureOf(GOOD.replace('"I420"', '"I420 ! filesink"'));
    assert.match(shell.message, /raw format/);
  });

  it('says which key is misspelt rather than which is missing', () => {
    const failure = failureOf(GOOD.replace('rank', 'rnk'));
    assert.equal(failure.details['file'], '/p/encoders/good.toml:3');
    assert.match(failure.remedy, /"rank"/);
  });

  it('refuses a comment inside a launch fragment', () => {
    const failure = failureOf(GOOD.replace('videoconvert\n', 'videoconvert # fast\n'));
    assert.equal(failure.details['file'], '/p/encoders/good.toml:7');
    assert.match(failure.remedy, /outside the quotes/);
  });

  it('answers any text with a description or a documented error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.nat(GOOD.length).map((cut) => GOOD.slice(0, cut)),
        ),
        (text) => {
          if (text.length < GOOD.length - 4) failureOf(text);
        },
      ),
    );
  });
});
