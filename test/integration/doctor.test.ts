/** `lumen doctor` as a person runs it: on this machine as it is, and with things that are wrong. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { Finding } from '../../src/doctor/finding.js';
import { findBasePort, Serve, TestHome } from '../support/serve.js';

describe('lumen doctor', function () {
  this.timeout(120_000);
  let home: TestHome;
  let port: number;
  beforeEach(async () => {
    port = await findBasePort();
    home = new TestHome({
      LUMEN_PORT: String(port),
      LUMEN_BIND_ADDRESS: '127.0.0.1',
      LUMEN_DISCOVERY: 'false',
    });
  });
  afterEach(() => home.remove());

  const doctor = async (
    ...args: string[]
  ): Promise<{ status: number | null; findings: readonly Finding[] }> => {
    const { status, stdout, stderr } = await home.lumen(['doctor', '--json', ...args], 100_000);
    assert.equal(stderr, '');
    return { status, findings: (JSON.parse(stdout) as { findings: Finding[] }).findings };
  };
  const of = (findings: readonly Finding[], check: string): Finding =>
    findings.find((finding) => finding.check === check) ?? assert.fail(`nothing of ${check}`);
  const writeConfig = (text: string): void => {
    const folder = path.join(home.directory, 'config', 'lumen');
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'config.toml'), text);
    fs.chmodSync(path.join(folder, 'config.toml'), 0o666);
  };

  it('finds nothing in the way of a stream here, measures an encoder and has a remedy for all else', async () => {
    const { status, findings } = await doctor();
    assert.equal(status, 0, JSON.stringify(findings.filter(({ severity }) => severity === 'problem')));
    for (const finding of findings)
      assert.equal(finding.severity !== 'ok', finding.remedy !== undefined, finding.check);
    assert.match(of(findings, 'encoder.x264').text, /1280x720@60 takes \d+ % of one core/);
    const areas = new Set(findings.map(({ check }) => check.split('.')[0]));
    for (const area of [
      'gstreamer',
      'encoder',
      'capture',
      'sound',
      'network',
      'identity',
      'permissions',
      'system',
      'installation',
      'app',
    ]) {
      assert.ok(areas.has(area), area);
    }
    assert.equal(of(findings, 'network.ports').severity, 'ok');
    assert.ok(!fs.existsSync(path.join(home.directory, 'state', 'lumen')), 'it makes nothing');
  });

  it('says who has a port, what is wrong with files and apps, and ends with 1', async () => {
    const holder = net.createServer().listen(port, '127.0.0.1');
    await once(holder, 'listening');
    const state = path.join(home.directory, 'state', 'lumen');
    fs.mkdirSync(state);
    fs.chmodSync(state, 0o755);
    for (const name of ['host.pem', 'host-id'])
      fs.writeFileSync(path.join(state, name), 'nonsense', { mode: 0o600 });
    writeConfig(
      'encoder = "opnh264"\n[[apps]]\ntitle = "Gone"\ncommand = "no-such-program"\nbox_art = "/nowhere.png"\n',
    );
    const { status, findings } = await doctor('--no-measure');
    holder.close();
    assert.equal(status, 1);
    assert.equal(of(findings, 'network.ports').severity, 'problem');
    assert.match(
      of(findings, 'network.ports').text,
      new RegExp(`TCP port ${port} is in use by .*\\(pid ${process.pid}\\)`),
    );
    assert.match(of(findings, 'permissions.folders').text, /open to other users/);
    assert.match(of(findings, 'permissions.config').text, /changed by other users/);
    assert.match(of(findings, 'identity.certificate').text, /holds no certificate/);
    assert.match(of(findings, 'encoder.opnh264').text, /nearest is openh264/);
    const texts = findings.filter(({ check }) => check === 'app.Gone').map(({ text }) => text);
    assert.deepEqual(texts.length, 2, texts.join());
    assert.match(texts.join(), /no program no-such-program/);
  });

  it('goes on with the defaults when the configuration is wrong', async () => {
    writeConfig('prot = 3\n');
    const { status, findings } = await doctor('--no-measure');
    assert.equal(status, 1);
    assert.match(of(findings, 'configuration').text, /prot: .*nearest name is port/);
    assert.equal(of(findings, 'gstreamer.plugin').severity, 'ok');
  });

  it('knows the serve that runs, and its certificate', async () => {
    const serve = await Serve.start(home);
    try {
      home.environment['LUMEN_PORT'] = String(serve.port);
      const { findings } = await doctor('--no-measure');
      assert.match(of(findings, 'network.ports').text, /lumen serve runs/);
      assert.equal(of(findings, 'identity.certificate').severity, 'ok');
    } finally {
      await serve.stop();
    }
  });
});
