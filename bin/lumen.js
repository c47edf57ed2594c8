#!/usr/bin/env node
/** The `lumen` command of a checkout: runs the compiled command line, or says how to get it compiled. */
import fs from 'node:fs';
import process from 'node:process';

const cli = new URL('../dist/src/cli.js', import.meta.url);
/** Older ones fail at their first `require` of an ES module. */
const [OLDEST_MAJOR, OLDEST_MINOR] = [20, 19];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < OLDEST_MAJOR || (major === OLDEST_MAJOR && minor < OLDEST_MINOR)) {
  console.error(
    `lumen: Node ${process.versions.node} (${process.execPath}) is too old: ${OLDEST_MAJOR}.${OLDEST_MINOR} is the oldest that works`,
  );
  process.exitCode = 5;
} else if (fs.existsSync(cli)) {
  const { main } = await import(cli.href);
  process.exitCode = await main(process.argv);
} else {
  console.error('lumen: this checkout is not built yet; run: npm run setup');
  process.exitCode = 5;
}
