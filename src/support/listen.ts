/** Servers that outlive what goes wrong with one connection. */
import type net from 'node:net';

/**
 * Opens the port or path, and hears the server's errors from then on: a connection that could not be accepted, for want
 * of descriptors say, must not end the host.
 * @param onError after it listens
 * @throws Error with `code` (`EADDRINUSE`, …) where it cannot listen
 */
export const listen = async (
  server: net.Server,
  where: net.ListenOptions,
  onError: (error: Error) => void,
): Promise<void> => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', onError);
};
