/** A host whose encoder stage passed its trial and can be told to fail when the next stream starts. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProbeReport } from '../../src/probe/report.js';
import { pair, probe } from './client.js';
import { Serve, TestHome } from './serve.js';
import { addStage } from './user-stage.js';

/** Where the element is built that fails on purpose. */
const PLUGINS = fileURLToPath(new URL('../../../build/test/elements', import.meta.url));

/** It hangs or crashes when it is started, or keeps the first frame for ever. */
export type Fault = 'hang' | 'crash' | 'keep';

export class FaultyHost {
  readonly serve: Serve;
  readonly #trigger: string;

  static async start(): Promise<FaultyHost> {
    const home = new TestHome({ GST_PLUGIN_PATH: PLUGINS });
    const trigger = path.join(home.directory, 'trigger');
    const stage = `\nfaultystage trigger=${trigger} ! x264enc`;
    addStage(home, 'faulty.toml', (text) => text.replace('\nx264enc', stage));
    const host = new FaultyHost(await Serve.start(home, ['--encoder', 'faulty']), trigger);
    await pair(host.serve);
    return host;
  }

  private constructor(serve: Serve, trigger: string) {
    this.serve = serve;
    this.#trigger = trigger;
  }

  /** Streams until the host ends it. @returns what the client saw, and milliseconds from its launch to that end */
  async streamWith(fault: Fault): Promise<{ report: ProbeReport; tookMs: number }> {
    fs.writeFileSync(this.#trigger, fault);
    const startMs = performance.now();
    const report = await probe(this.serve, { seconds: 8 });
    const tookMs = performance.now() - startMs;
    fs.rmSync(this.#trigger);
    return { report, tookMs };
  }

  async stop(): Promise<void> {
    await this.serve.stop();
    this.serve.home.remove();
  }
}
