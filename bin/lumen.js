#!/usr/bin/env node
/** The `lumen` command of a checkout: runs the compiled command line, or says how to get it compiled. */
import fs from 'node:fs';
import process from 'node:process';

const cli = new URL('../dist/src/cli.js', import.meta.url);

if (fs.existsSync(cli)) {
  const { main } = await import(cli.href);
  process.exitCode = await main(process.argv);
} else {
  console.error('lumen: this checkout is not built yet; run: npm run setup');
  process.exitCode = 5;
}
