/** The test pattern: needs no session, and is always there. */
import type { Capture, CaptureBackend, CaptureRequest } from '../capture.js';

const openPattern = async ({ mode }: CaptureRequest): Promise<Capture> => ({
  identity: 'test',
  description: `test pattern ${mode.width}x${mode.height}@${mode.fps}`,
  properties: {},
  check: async () => undefined,
  explainSilence: async () => 'the test pattern is drawn by the media process itself',
  describeFormat: async () => undefined,
  close: async () => undefined,
});

export const createTestBackend = (): CaptureBackend => ({
  name: 'test',
  title: 'test pattern with a frame counter',
  stageFor: () => 'test',
  check: async () => 'it needs no desktop',
  list: async () => [],
  open: openPattern,
  removeStale: async () => undefined,
});
