import assert from 'node:assert/strict';
import type { Capture, CaptureBackend, CaptureEvents, CaptureRequest } from '../../../src/capture/capture.js';
import { Captures } from '../../../src/host/captures.js';
import { LumenError } from '../../../src/support/errors.js';
import { createSilentLogger } from '../../../src/support/logger.js';

const logger = createSilentLogger();
const MODE = { width: 1280, height: 720, fps: 60 };

/** A back end that remembers what it opened, and fails when a test says so. */
class ScriptedBackend implements CaptureBackend {
  readonly name = 'test';
  readonly title = 'scripted';
  readonly opened: { request: CaptureRequest; events: CaptureEvents; isClosed: boolean }[] = [];
  isUsable = true;
  isGone = false;

  stageFor(): string {
    return 'test';
  }
  async check(): Promise<string> {
    if (this.isUsable) return 'it is there';
    throw new LumenError('LUMEN_SOURCE_MISSING', { source: 'scripted', alternatives: '' });
  }
  async list(): Promise<[]> {
    return [];
  }
  async removeStale(): Promise<void> {}
  async open(request: CaptureRequest, events: CaptureEvents): Promise<Capture> {
    await this.check();
    const entry = { request, events, isClosed: false };
    this.opened.push(entry);
    this.isGone = false;
    return {
      identity: String(this.opened.length),
      description: 'scripted',
      properties: {},
      check: async () => {
        if (this.isGone) throw new LumenError('LUMEN_SOURCE_MISSING', { source: 'x', alternatives: '' });
      },
      explainSilence: async () => 'scripted',
      describeFormat: async () => undefined,
      close: async () => {
        entry.isClosed = true;
        // As a compositor does that tells of every end, also of those that were asked for.
        events.onEnded('closed');
      },
    };
  }
}

const setUp = () => {
  const backend = new ScriptedBackend();
  const captures = new Captures({ source: { kind: 'auto' }, backends: [backend], logger });
  return { backend, captures, first: captures.forSession('a', MODE, logger) };
};

const isMissing = (error: unknown) => error instanceof LumenError && error.code === 'LUMEN_SOURCE_MISSING';

describe('the capture of a session', () => {
  it('is opened once, at the mode of the client, with the pointer in the picture', async () => {
    const { backend, first } = setUp();
    const [one, two] = await Promise.all([first.ensure(), first.ensure()]);
    assert.equal(one.capture, two.capture);
    assert.equal((await first.ensure()).capture, one.capture);
    assert.equal(backend.opened.length, 1);
    assert.equal(backend.opened[0]?.request.mode, MODE);
    assert.equal(backend.opened[0]?.request.cursor, 'embedded');
  });

  it('goes on when the same session comes back at the same mode, and not at another', async () => {
    const { backend, captures, first } = setUp();
    await first.ensure();
    assert.equal(captures.forSession('a', { ...MODE }, logger), first);
    const second = captures.forSession('a', { ...MODE, width: 640 }, logger);
    assert.notEqual(second, first);
    await second.ensure();
    assert.deepEqual(
      backend.opened.map(({ isClosed }) => isClosed),
      [true, false],
    );
  });

  it('is opened anew after it ended or changed its size, and no third time by what the old one tells', async () => {
    const { backend, first } = setUp();
    await first.ensure();
    backend.opened[0]?.events.onEnded('the compositor is gone');
    assert.equal((await first.ensure()).capture.identity, '2');
    backend.opened[1]?.events.onResized();
    assert.equal((await first.ensure()).capture.identity, '3');
    backend.opened[0]?.events.onEnded('late');
    assert.equal((await first.ensure()).capture.identity, '3');
    assert.equal(backend.opened[1]?.isClosed, true);
  });

  it('says that what it shows is gone, and waits for the same back end to come back', async () => {
    const { backend, first } = setUp();
    await first.ensure();
    backend.isGone = true;
    backend.isUsable = false;
    await assert.rejects(first.ensure(), isMissing);
    await assert.rejects(first.ensure(), isMissing);
    backend.isUsable = true;
    assert.equal((await first.ensure()).capture.identity, '2');
  });

  it('is closed with its session, and with the host', async () => {
    const { backend, captures, first } = setUp();
    await first.ensure();
    captures.release('a');
    await captures.forSession('b', MODE, logger).ensure();
    await captures.close();
    assert.deepEqual(
      backend.opened.map(({ isClosed }) => isClosed),
      [true, true],
    );
    await assert.rejects(first.ensure());
  });
});
