/** An encoder stage that passed its trial and fails when a stream starts: the client is told, and the host stays up. */
import assert from 'node:assert/strict';
import { probe } from '../support/client.js';
import { FaultyHost } from '../support/faulty-stage.js';

const ENCODING_FAILED = 0x800e9403;

describe('an encoder stage that fails when a stream starts', function () {
  this.timeout(60_000);
  let host: FaultyHost;

  before(async () => {
    host = await FaultyHost.start();
  });
  after(() => host.stop());

  for (const [fault, title] of [
    ['hang', 'hangs while it starts'],
    ['crash', 'crashes while it starts'],
    ['keep', 'keeps the first frame'],
  ] as const)
    it(`ends the stream with the encoding error where it ${title}`, async () => {
      const since = host.serve.output.length;
      const { report, tookMs } = await host.streamWith(fault);
      assert.equal(report.end.hostCode, ENCODING_FAILED, JSON.stringify([report.failure, report.end]));
      // `npm run accept` measures it; on a busy machine it takes longer, but no client waits ten seconds.
      assert.ok(tookMs < 8000, `the client was told after ${Math.round(tookMs)} ms`);
      assert.match(host.serve.output.slice(since), /"the picture cannot be produced"/);
    });

  it('leaves a host that streams when the fault is gone', async () => {
    const next = await probe(host.serve, { seconds: 0.5, ending: 'quit' });
    assert.equal(next.failure, null, JSON.stringify(next.failure));
  });
});
