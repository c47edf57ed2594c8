/** A program that plays a graph in a media process, prints that process's id and then does nothing: to be killed. */
import { spawnMediaProcess } from '../../src/media/media-process.js';
import { createSilentLogger } from '../../src/support/logger.js';

const media = spawnMediaProcess({ descriptors: [], logger: createSilentLogger(), environment: process.env });
const launch = 'videotestsrc is-live=true ! fakesink';
await media.play([{ name: 'video', launch, properties: [], isOptional: false }], null);
process.stdout.write(`${media.pid}\n`);
