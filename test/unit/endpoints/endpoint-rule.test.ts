import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type ClientPlace, EndpointRule } from '../../../src/endpoints/endpoint-rule.js';

const CLIENT = '192.0.2.20';
const ELSEWHERE = '192.0.2.21';
const VICTIM = '198.51.100.7';

/** A client that launched at `CLIENT`, with a control connection from `controlAddress`. */
const at = (controlAddress?: string): ClientPlace => ({ peerAddress: CLIENT, controlAddress });

const startedRule = (): EndpointRule => {
  const rule = new EndpointRule();
  assert.equal(rule.judge({ address: CLIENT, port: 5000, counter: 10, nowMs: 0 }, at()), 'set');
  return rule;
};

describe('the endpoint rule', () => {
  it('takes the first ping from where the launch came from, before there is a control connection', () => {
    assert.deepEqual(startedRule().endpoint, { address: CLIENT, port: 5000 });
  });

  it('does not take a first ping from elsewhere', () => {
    const rule = new EndpointRule();
    assert.equal(rule.judge({ address: VICTIM, port: 1, counter: 1e9, nowMs: 0 }, at()), 'rejected');
    assert.equal(rule.judge({ address: VICTIM, port: 1, counter: 1e9, nowMs: 0 }, at(CLIENT)), 'rejected');
    assert.equal(rule.endpoint, undefined);
    assert.equal(rule.judge({ address: CLIENT, port: 5000, counter: 1, nowMs: 1 }, at()), 'set');
  });

  it('takes a first ping only from the control connection once there is one', () => {
    const rule = new EndpointRule();
    assert.equal(rule.judge({ address: CLIENT, port: 1, counter: 1, nowMs: 0 }, at(ELSEWHERE)), 'rejected');
    assert.equal(rule.judge({ address: ELSEWHERE, port: 1, counter: 2, nowMs: 0 }, at(ELSEWHERE)), 'set');
  });

  it('stays where it is while pings come from there', () => {
    const rule = startedRule();
    assert.equal(rule.judge({ address: CLIENT, port: 5000, counter: 11, nowMs: 500 }, at(CLIENT)), 'kept');
  });

  it('follows the client to another port when the counter went up', () => {
    const rule = startedRule();
    assert.equal(rule.judge({ address: CLIENT, port: 6000, counter: 11, nowMs: 500 }, at(CLIENT)), 'moved');
    assert.deepEqual(rule.endpoint, { address: CLIENT, port: 6000 });
  });

  it('moves no more than four times a second, however fast who forges pings counts', () => {
    const rule = startedRule();
    let moves = 0;
    for (let i = 0; i < 1000; i += 1) {
      const ping = { address: CLIENT, port: 6000 + (i % 2), counter: 11 + i, nowMs: 500 + i };
      if (rule.judge(ping, at(CLIENT)) === 'moved') moves += 1;
    }
    assert.equal(moves, 4);
  });

  it('does not follow to another port while there is no control connection', () => {
    const rule = startedRule();
    assert.equal(rule.judge({ address: CLIENT, port: 6000, counter: 11, nowMs: 500 }, at()), 'rejected');
  });

  it('forgets an endpoint at which the control connection is not, whatever counter set it', () => {
    const rule = startedRule();
    const ping = { address: ELSEWHERE, port: 5000, counter: 1, nowMs: 500 };
    assert.equal(rule.judge(ping, at(CLIENT)), 'rejected');
    assert.equal(
      rule.judge({ address: CLIENT, port: 5000, counter: 11, nowMs: 600 }, at(ELSEWHERE)),
      'rejected',
    );
    assert.equal(rule.endpoint, undefined);
    assert.equal(rule.judge(ping, at(ELSEWHERE)), 'set');
  });

  it('does not go to a place where the control connection is not, however high the counter or long the silence', () => {
    const rule = startedRule();
    for (const nowMs of [500, 60_000]) {
      const ping = { address: VICTIM, port: 5000, counter: 99, nowMs };
      assert.equal(rule.judge(ping, at(CLIENT)), 'rejected');
      assert.equal(rule.judge(ping, at()), 'rejected');
    }
  });

  it('takes a lower counter from the control address only after 1.5 s of silence', () => {
    const rule = startedRule();
    const ping = { address: CLIENT, port: 6000, counter: 1 };
    assert.equal(rule.judge({ ...ping, nowMs: 1499 }, at(CLIENT)), 'rejected');
    assert.equal(rule.judge({ ...ping, nowMs: 1500 }, at(CLIENT)), 'moved');
  });

  it('is not kept from noticing silence by an old ping sent again', () => {
    const rule = startedRule();
    assert.equal(rule.judge({ address: CLIENT, port: 5000, counter: 10, nowMs: 1400 }, at(CLIENT)), 'kept');
    assert.equal(rule.judge({ address: CLIENT, port: 6000, counter: 1, nowMs: 1600 }, at(CLIENT)), 'moved');
  });

  it('moves a legacy client, which does not count, only after silence', () => {
    const rule = new EndpointRule();
    const ping = { address: CLIENT, counter: undefined };
    assert.equal(rule.judge({ ...ping, port: 5000, nowMs: 0 }, at(CLIENT)), 'set');
    assert.equal(rule.judge({ ...ping, port: 5000, nowMs: 500 }, at(CLIENT)), 'kept');
    assert.equal(rule.judge({ ...ping, port: 6000, nowMs: 1000 }, at(CLIENT)), 'rejected');
    assert.equal(rule.judge({ ...ping, port: 6000, nowMs: 2000 }, at(CLIENT)), 'moved');
  });

  it('learns anew after a reset', () => {
    const rule = startedRule();
    rule.reset();
    assert.equal(rule.endpoint, undefined);
    assert.equal(rule.judge({ address: CLIENT, port: 1, counter: 1, nowMs: 1 }, at()), 'set');
  });

  it('only ever takes an endpoint at the control connection, or at the launch before there is one', () => {
    const address = fc.constantFrom(CLIENT, VICTIM, ELSEWHERE);
    const step = fc.record({
      address,
      port: fc.integer({ min: 1, max: 4 }),
      counter: fc.nat(20),
      stepMs: fc.nat(2000),
      controlAddress: fc.option(address, { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const rule = new EndpointRule();
        let nowMs = 0;
        for (const { stepMs, controlAddress, ...rest } of steps) {
          nowMs += stepMs;
          const decision = rule.judge({ ...rest, nowMs }, at(controlAddress));
          if (decision === 'set') assert.equal(rule.endpoint?.address, controlAddress ?? CLIENT);
          if (decision === 'moved') assert.equal(rule.endpoint?.address, controlAddress);
          if (controlAddress !== undefined && rule.endpoint !== undefined)
            assert.equal(rule.endpoint.address, controlAddress);
        }
      }),
    );
  });
});
