/** The endpoints on free loopback ports with a host that is none, for tests over real sockets. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseCertificate } from '../../../src/identity/certificate.js';
import { ClientStore } from '../../../src/identity/client-store.js';
import { loadHostIdentity } from '../../../src/identity/host-identity.js';
import { generateKeyPair, type KeyPair } from '../../../src/identity/key-pair.js';
import { PairingDesk } from '../../../src/nvhttp/pairing.js';
import { type Nvhttp, type NvhttpLimits, startNvhttp } from '../../../src/nvhttp/server.js';
import type { LaunchReply, StreamingHost } from '../../../src/nvhttp/streaming-host.js';
import type { VideoFormat } from '../../../src/session/stream-plan.js';
import { createSilentLogger } from '../../../src/support/logger.js';
import { H264 } from '../../support/plans.js';

/** A host that answers at once and writes down what it was asked. */
export class FakeHost implements StreamingHost {
  readonly calls: string[] = [];
  running = 0;
  videoFormats: readonly VideoFormat[] = [H264];
  launchReply: () => Promise<LaunchReply> = async () => ({
    ok: true,
    sessionUrl: 'rtspenc://127.0.0.1:48010',
  });

  describe() {
    return {
      hostname: 'Test & host',
      videoFormats: this.videoFormats,
      macFor: () => '02:00:00:00:00:01',
    };
  }
  apps() {
    return [{ id: 5, title: 'Desktop <1>' }];
  }
  async boxArt(): Promise<Buffer | undefined> {
    return undefined;
  }
  runningApp() {
    return this.running;
  }
  launch(
    { appId, mode }: Parameters<StreamingHost['launch']>[0],
    { localAddress, peerAddress }: Parameters<StreamingHost['launch']>[1],
  ) {
    this.calls.push(`launch ${appId} ${mode?.width} ${localAddress} ${peerAddress}`);
    return this.launchReply();
  }
  resume({ appId }: Parameters<StreamingHost['resume']>[0]) {
    this.calls.push(`resume ${appId}`);
    return this.launchReply();
  }
  async cancel() {
    this.calls.push('cancel');
    this.running = 0;
    return true;
  }
}

/** Waits for something that happens on the other side of a socket; mocha's time limit ends a vain wait. */
export const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
};

/** What lasts for a whole file of tests: making keys takes a while. */
export const makeKeys = async (folder: string) => {
  const [identity, paired, stranger] = await Promise.all([
    loadHostIdentity(folder),
    generateKeyPair('paired'),
    generateKeyPair('stranger'),
  ]);
  return { folder, identity, paired, stranger };
};
export type Keys = Awaited<ReturnType<typeof makeKeys>>;

/** A folder of its own for the state of one file of tests. */
export const makeFolder = (): string => fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-nvhttp-'));

const trust = (clients: ClientStore, { certificatePem }: KeyPair): void => {
  const parsed = parseCertificate(certificatePem);
  assert.ok(parsed.ok);
  clients.add(parsed.certificate, 'test');
};

/** Running endpoints and all that is behind them. */
export interface Endpoints {
  readonly clients: ClientStore;
  readonly pairing: PairingDesk;
  readonly host: FakeHost;
  readonly server: Nvhttp;
}

/** Starts the endpoints with one paired client, called `test`. */
export const startEndpoints = async (
  keys: Keys,
  limits: Partial<NvhttpLimits> = {},
  { bindAddress = '127.0.0.1', logger = createSilentLogger() } = {},
): Promise<Endpoints> => {
  const { folder, identity, paired } = keys;
  fs.rmSync(path.join(folder, 'clients.json'), { force: true });
  const clients = new ClientStore(folder);
  trust(clients, paired);
  const pairing = new PairingDesk(identity, clients, logger);
  const host = new FakeHost();
  const ports = { bindAddress, httpPort: 0, httpsPort: 0 };
  const server = await startNvhttp({ ...ports, identity, clients, pairing, host, logger, limits });
  return { clients, pairing, host, server };
};
