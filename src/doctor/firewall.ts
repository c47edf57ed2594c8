/** Whether a firewall of this machine keeps clients out, as far as its tools say. */
import type { Environment } from '../config/paths.js';
import { runTool, type ToolAnswer } from '../support/tool.js';
import { type Finding, note, ok, warning } from './finding.js';

const CHECK = 'network.firewall';
const MDNS_PORT = 5353;

/** The ports that clients must reach. */
export interface NeededPorts {
  readonly tcp: readonly number[];
  readonly udp: readonly number[];
}

const mentionsAll = (text: string, { tcp, udp }: NeededPorts): boolean =>
  [...tcp, ...udp].every((port) => new RegExp(`\\b${port}\\b`).test(text));

/** @param answer of `ufw status` */
export const judgeUfw = (answer: ToolAnswer | undefined, ports: NeededPorts): Finding | undefined => {
  if (answer === undefined || !/^Status: active/m.test(answer.output)) return undefined;
  if (mentionsAll(answer.output, ports)) return ok(CHECK, 'ufw is active and has rules for the ports');
  const list = (numbers: readonly number[]) => numbers.join(',');
  return warning(
    CHECK,
    'ufw is active and has no rules for all ports: clients may not reach this host',
    `sudo ufw allow ${list(ports.tcp)}/tcp; sudo ufw allow ${list([...ports.udp, MDNS_PORT])}/udp`,
  );
};

/** @param answer of `firewall-cmd --list-all`; a firewall that does not run ends it with an error */
export const judgeFirewalld = (answer: ToolAnswer | undefined, ports: NeededPorts): Finding | undefined => {
  if (answer === undefined || answer.status !== 0) return undefined;
  if (mentionsAll(answer.output, ports)) return ok(CHECK, 'firewalld has rules for the ports');
  const options = [
    ...ports.tcp.map((port) => `--add-port=${port}/tcp`),
    ...ports.udp.map((port) => `--add-port=${port}/udp`),
    '--add-service=mdns',
  ].join(' ');
  return warning(
    CHECK,
    'firewalld is active and has no rules for all ports: clients may not reach this host',
    `sudo firewall-cmd --permanent ${options}; sudo firewall-cmd --reload`,
  );
};

/** @param answer of `nft list ruleset` */
export const judgeNftables = (answer: ToolAnswer | undefined, ports: NeededPorts): Finding | undefined => {
  if (answer === undefined) return undefined;
  const set = (numbers: readonly number[]) => `{ ${numbers.join(', ')} }`;
  const rules = `tcp dport ${set(ports.tcp)} accept, and udp dport ${set([...ports.udp, MDNS_PORT])} accept`;
  if (answer.status !== 0) return note(CHECK, 'only root can look at nftables', 'sudo lumen doctor');
  const dropsInput =
    /hook input [^}]*policy drop/.test(answer.output) || /\b(drop|reject)\b/.test(answer.output);
  if (!dropsInput || mentionsAll(answer.output, ports)) return undefined;
  return warning(
    CHECK,
    'nftables drops or rejects some traffic and does not name all ports',
    `if clients cannot connect, add to the input chain: ${rules}`,
  );
};

/** Asks ufw, firewalld and nftables; the first that has something to say decides. */
export const checkFirewall = async (
  ports: NeededPorts,
  environment: Environment,
): Promise<readonly Finding[]> => {
  const [ufw, firewalld, nftables] = await Promise.all([
    runTool(['ufw', 'status'], environment),
    runTool(['firewall-cmd', '--list-all'], environment),
    runTool(['nft', 'list', 'ruleset'], environment),
  ]);
  const finding = judgeUfw(ufw, ports) ?? judgeFirewalld(firewalld, ports) ?? judgeNftables(nftables, ports);
  return [finding ?? ok(CHECK, 'no firewall of this machine is known to keep clients out')];
};
