import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EndpointRule } from '../../../src/endpoints/endpoint-rule.js';

const CLIENT = '192.0.2.20';
const VICTIM = '198.51.100.7';

const startedRule = (): EndpointRule => {
  const rule = new EndpointRule();
  assert.equal(rule.judge({ address: CLIENT, port: 5000, counter: 10, nowMs: 0 }, undefined), 'set');
  return rule;
};

describe('the endpoint rule', () => {
  it('takes the first ping, also before there is a control connection', () => {
    assert.deepEqual(startedRule().endpoint, { address: CLIENT, port: 5000 });
  });

  it('stays where it is while pings come from there', () => {
    const rule = startedRule();
    assert.equal(rule.judge({ address: CLIENT, port: 5000, counter: 11, nowMs: 500 }, CLIENT), 'kept');
  });

  it('follows the client to another port when the counter went up', () => {
    const rule = startedRule();
    assert.equal(rule.judge({ address: CLIENT, port: 6000, counter: 11, nowMs: 500 }, CLIENT), 'moved');
    assert.deepEqual(rule.endpoint, { address: CLIENT, port: 6000 });
  });

  it('follows the client to another address once its control connection is there', () => {
    const rule = startedRule();
    const ping = { address: '192.0.2.21', port: 5000, counter: 11, nowMs: 500 };
    assert.equal(rule.judge(ping, CLIENT), 'rejected');
    assert.equal(rule.judge(ping, '192.0.2.21'), 'moved');
  });

  it('does not go to a place where the control connection is not, however high the counter or long the silence', () => {
    const rule = startedRule();
    assert.equal(rule.judge({ address: VICTIM, port: 5000, counter: 99, nowMs: 500 }, CLIENT), 'rejected');
    assert.equal(rule.judge({ address: VICTIM, port: 5000, counter: 99, nowMs: 60_000 }, CLIENT), 'rejected');
    assert.equal(
      rule.judge({ address: VICTIM, port: 5000, counter: 99, nowMs: 60_000 }, undefined),
      'rejected',
    );
  });

  it('takes a lower counter from the control address only after 1.5 s of silence', () => {
    const rule = startedRule();
    assert.equal(rule.judge({ address: CLIENT, port: 6000, counter: 1, nowMs: 1499 }, CLIENT), 'rejected');
    assert.equal(rule.judge({ address: CLIENT, port: 6000, counter: 1, nowMs: 1500 }, CLIENT), 'moved');
  });

  it('is not kept from noticing silence by an old ping sent again', () => {
    const rule = startedRule();
    assert.equal(rule.judge({ address: CLIENT, port: 5000, counter: 10, nowMs: 1400 }, CLIENT), 'kept');
    assert.equal(rule.judge({ address: CLIENT, port: 6000, counter: 1, nowMs: 1600 }, CLIENT), 'moved');
  });

  it('moves a legacy client, which does not count, only after silence', () => {
    const rule = new EndpointRule();
    const ping = { address: CLIENT, counter: undefined };
    assert.equal(rule.judge({ ...ping, port: 5000, nowMs: 0 }, CLIENT), 'set');
    assert.equal(rule.judge({ ...ping, port: 5000, nowMs: 500 }, CLIENT), 'kept');
    assert.equal(rule.judge({ ...ping, port: 6000, nowMs: 1000 }, CLIENT), 'rejected');
    assert.equal(rule.judge({ ...ping, port: 6000, nowMs: 2000 }, CLIENT), 'moved');
  });

  it('learns anew after a reset', () => {
    const rule = startedRule();
    rule.reset();
    assert.equal(rule.endpoint, undefined);
    assert.equal(rule.judge({ address: VICTIM, port: 1, counter: 1, nowMs: 1 }, undefined), 'set');
  });

  it('after the first ping only ever moves to the address of the control connection', () => {
    const address = fc.constantFrom(CLIENT, VICTIM, '192.0.2.21');
    const ping = fc.record({
      address,
      port: fc.integer({ min: 1, max: 4 }),
      counter: fc.nat(20),
      stepMs: fc.nat(2000),
    });
    fc.assert(
      fc.property(
        fc.array(ping, { maxLength: 40 }),
        fc.option(address, { nil: undefined }),
        (pings, controlAddress) => {
          const rule = startedRule();
          let nowMs = 0;
          for (const { stepMs, ...rest } of pings) {
            nowMs += stepMs;
            const before = rule.endpoint;
            const decision = rule.judge({ ...rest, nowMs }, controlAddress);
            if (decision === 'moved') assert.equal(rule.endpoint?.address, controlAddress);
            else assert.deepEqual(rule.endpoint, before);
          }
        },
      ),
    );
  });
});
