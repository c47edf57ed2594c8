/** What the checks of `lumen doctor` make of what they read. */
import assert from 'node:assert/strict';
import { formatFinding, ok, warning } from '../../../src/doctor/finding.js';
import { judgeFirewalld, judgeNftables, judgeUfw } from '../../../src/doctor/firewall.js';
import { judgeService } from '../../../src/doctor/installation.js';
import { judgeEncoderCost } from '../../../src/doctor/media.js';
import { judgeSendBuffer, portsOf } from '../../../src/doctor/network.js';
import { findInodes } from '../../../src/doctor/port-owner.js';
import { judgeClock, judgeRealtime } from '../../../src/doctor/system.js';

const PORTS = portsOf({ port: 47989 });
const answer = (output: string, status = 0) => ({ status, output });

describe('the verdicts of the doctor', () => {
  it('stand on one line, with the remedy under it', () => {
    assert.equal(formatFinding(ok('a.b', 'fine')), 'ok       a.b                  fine');
    assert.match(formatFinding(warning('a.b', 'bad', 'mend it')), /^warning {2}a\.b +bad\n +Try: mend it$/);
  });

  it('know the ports of a host', () => {
    assert.deepEqual(PORTS, { tcp: [47984, 47989, 48010], udp: [47998, 47999, 48000] });
  });

  it('see an active ufw that lets the ports through, or does not', () => {
    const head = 'Status: active\n\nTo                         Action      From\n';
    const closed = judgeUfw(answer(`${head}22/tcp                     ALLOW       Anywhere\n`), PORTS);
    assert.equal(closed?.severity, 'warning');
    assert.match(
      closed?.remedy ?? '',
      /ufw allow 47984,47989,48010\/tcp; sudo ufw allow 47998,47999,48000,5353\/udp/,
    );
    const open = `${head}47984,47989,48010/tcp      ALLOW       Anywhere\n47998,47999,48000/udp      ALLOW       Anywhere\n`;
    assert.equal(judgeUfw(answer(open), PORTS)?.severity, 'ok');
    assert.equal(judgeUfw(answer('Status: inactive\n'), PORTS), undefined);
    assert.equal(judgeUfw(undefined, PORTS), undefined);
  });

  it('see a running firewalld, and that it does not run', () => {
    const listed = 'public (active)\n  services: ssh\n  ports: 47984/tcp 47989/tcp\n';
    const closed = judgeFirewalld(answer(listed), PORTS);
    assert.equal(closed?.severity, 'warning');
    assert.match(
      closed?.remedy ?? '',
      /--add-port=48010\/tcp .*--add-port=48000\/udp --add-service=mdns; .*--reload/,
    );
    assert.equal(judgeFirewalld(answer('FirewallD is not running\n', 252), PORTS), undefined);
  });

  it('see what nftables keeps out, and that only root may look', () => {
    const chain = (rules: string, policy = 'drop') =>
      answer(
        `table inet filter {\n chain input {\n  type filter hook input priority 0; policy ${policy};\n  ${rules}\n }\n}\n`,
      );
    const closed = judgeNftables(chain('tcp dport 22 accept'), PORTS);
    assert.equal(closed?.severity, 'warning');
    assert.match(closed?.remedy ?? '', /udp dport \{ 47998, 47999, 48000, 5353 \} accept/);
    const rules = 'tcp dport { 47984, 47989, 48010 } accept; udp dport { 47998, 47999, 48000 } accept';
    assert.equal(judgeNftables(chain(rules), PORTS), undefined);
    assert.equal(judgeNftables(chain('', 'accept'), PORTS), undefined);
    assert.match(
      judgeNftables(answer('Operation not permitted\n', 1), PORTS)?.remedy ?? '',
      /sudo lumen doctor/,
    );
  });

  it('want a send buffer that holds a key frame', () => {
    assert.equal(judgeSendBuffer(8 * 1024 * 1024).severity, 'ok');
    const small = judgeSendBuffer(212_992);
    assert.equal(small.severity, 'warning');
    assert.match(small.remedy ?? '', /net\.core\.wmem_max = 33554432.*\/etc\/sysctl\.d\/60-lumen\.conf/);
  });

  it('see a service that starts what is gone, and one that hides the package', () => {
    const unit = (node: string): string =>
      `[Service]\nExecStart="${node}" "/usr/bin/env" serve\nRestart=no\n`;
    const gone = judgeService('/u/lumen.service', unit('/gone/with space/node'), true);
    assert.equal(gone.severity, 'warning');
    assert.match(gone.text, /starts \/gone\/with space\/node, which is gone/);
    assert.match(gone.remedy ?? '', /npm run install-host/);
    assert.equal(judgeService('/u/lumen.service', unit(process.execPath), true).severity, 'note');
    assert.equal(judgeService('/u/lumen.service', unit(process.execPath), false).severity, 'ok');
    assert.match(
      judgeService('/u/lumen.service', 'ExecStart=/gone/lumen serve\n', false).text,
      /\/gone\/lumen/,
    );
  });

  it('say whether a mode fits one core', () => {
    const cost = (msPerFrame: number) =>
      judgeEncoderCost('x', { ok: true, msPerFrame: msPerFrame + 1 }, 1, true);
    assert.equal(cost(4).severity, 'ok');
    assert.match(cost(4).text, /1280x720@60 takes 24 % of one core .* 1920x1080@60 about 54 %/);
    assert.equal(cost(8).severity, 'note');
    assert.equal(cost(20).severity, 'warning');
    assert.equal(judgeEncoderCost('x', { ok: true, msPerFrame: 21 }, 1, false).severity, 'note');
    const failed = judgeEncoderCost('x', { ok: false, reason: 'no device' }, 1, true);
    assert.equal(failed.severity, 'warning');
    assert.match(failed.text, /no device/);
  });

  it('find slow clocks and clocks that were never set', () => {
    const now = new Date('2026-01-01');
    assert.equal(judgeClock('tsc', now)[0]?.severity, 'ok');
    assert.equal(judgeClock('hpet', now)[0]?.severity, 'warning');
    assert.equal(judgeClock('tsc', new Date('1970-01-02'))[0]?.severity, 'warning');
  });

  it('read the limit of real-time priority', () => {
    const limits = (value: string) =>
      `Limit  Soft Limit  Hard Limit  Units\nMax realtime priority     ${value}    ${value}\n`;
    assert.equal(judgeRealtime(limits('0'), 1000).severity, 'note');
    assert.equal(judgeRealtime(limits('20'), 1000).severity, 'ok');
    assert.equal(judgeRealtime(limits('0'), 0).severity, 'ok');
  });

  it("find a port's sockets in the kernel's table", () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:BB75 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0
   1: 0100007F:BB75 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 20 4 30 10 -1
   2: 0100007F:BB76 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0
`;
    assert.deepEqual(findInodes(table, 47989, 'tcp'), ['111']);
    assert.deepEqual(findInodes(table, 47989, 'udp'), ['111', '222']);
    assert.deepEqual(findInodes('', 47989, 'tcp'), []);
  });
});
