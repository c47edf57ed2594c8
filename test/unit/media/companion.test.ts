import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Companion } from '../../../src/media/companion.js';
import type { GraphDescription, MediaReport } from '../../../src/media/messages.js';
import { createSilentLogger } from '../../../src/support/logger.js';
import { type ChildScript, type ScriptedChild, startScripted } from './scripted-child.js';

const SOUND: GraphDescription = {
  name: 'audio',
  launch: 'audiotestsrc ! fakesink name=sink',
  properties: [{ element: 'sink', property: 'port', value: 0 }],
  isOptional: true,
};
const failure = (code: string): MediaReport => ({
  type: 'error',
  graph: 'audio',
  element: 'source',
  code,
  message: 'no sound',
  debug: '',
});
const failing = (code: string): ChildScript => ({
  obey: (child, command) => {
    if (command.type === 'play') child.report(failure(code));
  },
});

/** @param scripts of the first child, the second, …; further ones play */
const setUp = (scripts: readonly ChildScript[] = [], retryDelaysMs: readonly number[] = [5, 5, 5]) => {
  const children: ScriptedChild[] = [];
  const reports: MediaReport[] = [];
  const companion = new Companion({
    graph: SOUND,
    spawn: () => {
      const [media, child] = startScripted(scripts[children.length] ?? {}, createSilentLogger());
      children.push(child);
      return media;
    },
    report: (report) => reports.push(report),
    logger: createSilentLogger(),
    retryDelaysMs,
  });
  const errors = () => reports.flatMap((report) => (report.type === 'error' ? [report.message] : []));
  return { companion, children, errors };
};

const until = async (isTrue: () => boolean): Promise<void> => {
  while (!isTrue()) await sleep(1);
};

const sent = (child: ScriptedChild | undefined, type: string) =>
  child?.commands.filter((command) => command.type === type) ?? [];

describe('Companion', () => {
  it('plays its graph on the base time of the others', async () => {
    const { companion, children } = setUp();
    companion.start('77');
    await until(() => sent(children[0], 'play').length > 0);
    assert.deepEqual(sent(children[0], 'play'), [
      { type: 'play', graphs: [{ ...SOUND, isOptional: false }], baseTimeNs: '77' },
    ]);
    await companion.stop(0);
  });

  it('starts a graph that fails three times again, says so each time, and then leaves it', async () => {
    const bad = failing('gst-resource-error-quark:5');
    const { companion, children, errors } = setUp([bad, bad, bad, bad]);
    companion.start('1');
    await until(() => errors().length === 4);
    await sleep(30);
    assert.equal(children.length, 4);
    const again = 'no sound; started again in 0.005 s';
    assert.deepEqual(errors(), [again, again, again, 'no sound; not started again']);
    await companion.stop(0);
  });

  it('does not start a graph again that cannot be parsed', async () => {
    const { companion, children, errors } = setUp([failing('parse')]);
    companion.start('1');
    await until(() => errors().length === 1);
    await sleep(20);
    assert.equal(children.length, 1);
    assert.deepEqual(errors(), ['no sound; not started again']);
  });

  it('takes an exit for one failure', async () => {
    const { companion, children, errors } = setUp();
    companion.start('1');
    await until(() => sent(children[0], 'play').length > 0);
    children[0]?.end(139, null);
    await until(() => children.length === 2);
    assert.deepEqual(errors(), ['its process ended with status 139; started again in 0.005 s']);
    await companion.stop(0);
  });

  it('gives a value that was set too early to the playing graph, and to the next', async () => {
    const { companion, children } = setUp();
    companion.start('1');
    companion.set('sink', 'port', 48000);
    await until(() => sent(children[0], 'set').length > 0 || sent(children[0], 'play').length > 0);
    await sleep(5);
    children[0]?.end(1, null);
    await until(() => sent(children[1], 'play').length > 0);
    const [play] = sent(children[1], 'play');
    assert.deepEqual(play?.type === 'play' && play.graphs[0]?.properties, [
      { element: 'sink', property: 'port', value: 48000 },
    ]);
    const early = sent(children[0], 'set');
    assert.deepEqual(early, [
      { type: 'set', graph: 'audio', element: 'sink', property: 'port', value: 48000 },
    ]);
    await companion.stop(0);
  });

  it('goes on playing when a command was wrong, and says so', async () => {
    const { companion, children, errors } = setUp();
    companion.start('1');
    await until(() => sent(children[0], 'play').length > 0);
    await sleep(5);
    children[0]?.report(failure('property'));
    await until(() => errors().length === 1);
    assert.deepEqual(errors(), ['no sound']);
    assert.equal(sent(children[0], 'stop').length, 0);
    await companion.stop(0);
  });

  it('does not keep stats waiting for a graph that hangs', async () => {
    const { companion, children } = setUp();
    companion.start('1');
    await until(() => sent(children[0], 'play').length > 0);
    await sleep(5);
    assert.deepEqual(await companion.stats(), {});
    assert.equal(sent(children[0], 'stats').length, 1);
    await companion.stop(0);
  });

  it('starts nothing after it was stopped', async () => {
    const { companion, children, errors } = setUp([failing('state')]);
    companion.start('1');
    await until(() => errors().length === 1);
    await companion.stop(0);
    await sleep(20);
    assert.equal(children.length, 1);
  });

  it('says that a child which could not be ended may still send', async () => {
    const { companion, children, errors } = setUp([{ ...failing('state'), isUnkillable: true }]);
    companion.start('1');
    await until(() => errors().length === 1);
    assert.equal(companion.wasAbandoned, false);
    await until(() => children.length === 2);
    assert.equal(companion.wasAbandoned, true);
    await companion.stop(0);
  });
});
