/**
 * Announces the host on the local network: DNS-SD service `_nvstream._tcp` (`protocol/http.md` §2). Clients find hosts
 * by it but can always be told an address, so a failure here is a warning and nothing more.
 */
import fs from 'node:fs';
import os from 'node:os';
import { type CiaoService, getResponder, type Responder } from '@homebridge/ciao';
import { runTask, withDeadline } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import { Ipv6Responder } from './ipv6-responder.js';

/** What is announced, and where. */
export interface AdvertiseOptions {
  /** Host name or display name; the instance name is made of it. */
  readonly name: string;
  /** HTTP port: what the SRV record carries. */
  readonly httpPort: number;
  /** Address that the host listens on; other interfaces than this one's stay silent. */
  readonly bindAddress: string;
  readonly logger: Logger;
}

/** A running announcement. */
export interface Advertisement {
  /** Settles when the announcement is out; rejects never: failures are logged. */
  readonly announced: Promise<boolean>;
  /** Says goodbye on the network. Takes at most 500 ms. */
  close(): Promise<void>;
}

/** Where the announcement goes: every interface, the one with this address, or nowhere. */
export type AdvertiseScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'address'; readonly address: string; readonly interfaceName: string }
  | { readonly kind: 'none'; readonly reason: string };

const SERVICE_TYPE = 'nvstream';
const FALLBACK_NAME = 'Lumen';
const MAX_LABEL_BYTES = 63;
const CLOSE_DEADLINE_MS = 500;

/**
 * The DNS-SD instance name: at most 63 bytes, spaces as `-`, cut at the first character that is not alphanumeric or
 * `-`. Clients show the name from serverinfo, not this one.
 */
export const toInstanceName = (name: string): string =>
  /^[A-Za-z0-9-]*/.exec(name.replaceAll(' ', '-'))?.[0].slice(0, MAX_LABEL_BYTES) || FALLBACK_NAME;

/* The announcement's own host name: the machine's may already be answered for by another mDNS daemon, as a conflict. */
const toHostname = (instanceName: string): string => `${instanceName.slice(0, MAX_LABEL_BYTES - 6)}-lumen`;

/** Finds out where to announce a host that listens on `bindAddress`. */
export const resolveScope = (
  bindAddress: string,
  interfaces: NodeJS.Dict<os.NetworkInterfaceInfo[]> = os.networkInterfaces(),
): AdvertiseScope => {
  if (bindAddress === '0.0.0.0' || bindAddress === '::') return { kind: 'all' };
  for (const [interfaceName, infos] of Object.entries(interfaces)) {
    if (infos?.some((info) => info.address === bindAddress)) {
      return { kind: 'address', address: bindAddress, interfaceName };
    }
  }
  // The mDNS library would fall back to every interface: that must not happen behind the user's back.
  return { kind: 'none', reason: `no interface has the address ${bindAddress}` };
};

const readLinkNumber = (interfaceName: string, file: 'ifindex' | 'iflink'): string => {
  try {
    return fs.readFileSync(`/sys/class/net/${interfaceName}/${file}`, 'utf8');
  } catch {
    return '';
  }
};

/* VLANs and the interfaces of containers: `ip` shows them as NAME@PEER. What cannot be told may be one. */
const hasPeer = (interfaceName: string): boolean => {
  const ownNumber = readLinkNumber(interfaceName, 'ifindex');
  return ownNumber === '' || ownNumber !== readLinkNumber(interfaceName, 'iflink');
};

/**
 * The names to tell the mDNS library. Left to itself it follows what comes and goes, but takes NAME@PEER for a name and
 * so leaves out what is on a VLAN or in a container: where such an interface has an IPv4 address, all that have one are
 * named. (A bridge to containers has the address itself, and its ports have none.)
 * @returns undefined to leave it to itself
 */
export const toInterfaceNames = (
  scope: AdvertiseScope,
  interfaces: NodeJS.Dict<os.NetworkInterfaceInfo[]> = os.networkInterfaces(),
  isPeered: (interfaceName: string) => boolean = hasPeer,
): string[] | undefined => {
  if (scope.kind === 'address') return [scope.interfaceName];
  const names = Object.keys(interfaces).filter((name) =>
    interfaces[name]?.some(({ internal, family }) => !internal && family === 'IPv4'),
  );
  return names.some(isPeered) ? names : undefined;
};

const warnSilent = (logger: Logger, problem: string, err?: unknown): void =>
  logger.warn(
    { problem, err, remedy: 'enter the address of this host in the client, or set discovery = false' },
    'the host cannot be announced on the network',
  );

const createService = (
  responder: Responder,
  options: AdvertiseOptions,
  scope: AdvertiseScope,
): CiaoService => {
  const name = toInstanceName(options.name);
  const service = responder.createService({
    name,
    type: SERVICE_TYPE,
    port: options.httpPort,
    hostname: toHostname(name),
    disabledIpv6: options.bindAddress === '0.0.0.0',
    ...(scope.kind === 'address' ? { restrictedAddresses: [scope.address] } : {}),
  });
  service.on('name-change', (newName) => {
    options.logger.info({ name: newName }, 'another host has this name, announcing under a new one');
  });
  service.on('hostname-change', () => {});
  return service;
};

const announce = async (service: CiaoService, { logger }: AdvertiseOptions): Promise<boolean> => {
  try {
    await service.advertise();
    logger.info({ service: service.getFQDN() }, 'announced on the network');
    return true;
  } catch (error) {
    warnSilent(logger, 'the mdns announcement failed', error);
    return false;
  }
};

const withoutDot = (name: string): string => name.replace(/\.$/, '');

/** The library speaks over IPv4 alone. Undefined for a host that listens on IPv4 alone too. */
const answerOverIpv6 = (
  service: CiaoService,
  { bindAddress, httpPort, logger }: AdvertiseOptions,
  scope: AdvertiseScope,
): Ipv6Responder | undefined => {
  if (!bindAddress.includes(':')) return undefined;
  return Ipv6Responder.start({
    httpPort,
    interfaceName: scope.kind === 'address' ? scope.interfaceName : undefined,
    names: () => {
      const instance = withoutDot(service.getFQDN());
      return {
        instance,
        type: instance.slice(instance.indexOf('.') + 1),
        host: withoutDot(service.getHostname()),
      };
    },
    logger,
  });
};

const closeAll = async (
  service: CiaoService,
  responder: Responder,
  ipv6: Ipv6Responder | undefined,
  logger: Logger,
): Promise<void> => {
  const work = async () => {
    await ipv6?.close();
    await service.destroy();
    await responder.shutdown();
  };
  try {
    await withDeadline(work(), CLOSE_DEADLINE_MS, 'the mdns goodbye');
  } catch (error) {
    logger.debug({ err: error }, 'the announcement was dropped without a goodbye');
  }
};

/** Starts to announce and returns at once; probing for the name takes about a second. Never throws. */
export const advertise = (options: AdvertiseOptions): Advertisement => {
  const { logger } = options;
  const silent: Advertisement = { announced: Promise.resolve(false), close: async () => {} };
  const scope = resolveScope(options.bindAddress);
  if (scope.kind === 'none') {
    warnSilent(logger, scope.reason);
    return silent;
  }
  try {
    const names = toInterfaceNames(scope);
    const responder = getResponder(names === undefined ? {} : { interface: names });
    const service = createService(responder, options, scope);
    const announced = announce(service, options);
    const ipv6 = answerOverIpv6(service, options, scope);
    runTask(logger, 'announcement', () => announced);
    return { announced, close: () => closeAll(service, responder, ipv6, logger) };
  } catch (error) {
    warnSilent(logger, 'the mdns responder did not start', error);
    return silent;
  }
};
