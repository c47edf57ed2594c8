/**
 * Descriptors that Node cannot make: UDP sockets with an exclusive port and known buffers, memory files; and the tie
 * of a child process to its parent. Binding of `native/sockets_addon.cc`.
 */
import { loadNative } from './native.js';

export interface UdpBinding {
  /** Numeric IPv4 or IPv6 address; `::` takes IPv4 too. */
  readonly address: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Wanted SO_SNDBUF in bytes; 0 or absent keeps the system's default. */
  readonly sendBufferBytes?: number;
  /** Wanted SO_RCVBUF in bytes; 0 or absent keeps the system's default. */
  readonly receiveBufferBytes?: number;
}

export interface BoundUdp {
  /** Non-blocking, close-on-exec; belongs to the caller. */
  readonly fd: number;
  readonly port: number;
  /** What the kernel granted, in bytes. */
  readonly sendBufferBytes: number;
  readonly receiveBufferBytes: number;
}

interface SocketsAddon {
  bindUdp(address: string, port: number, sendBufferBytes: number, receiveBufferBytes: number): BoundUdp;
  createMemoryFile(name: string, bytes: number): number;
  dieWithParent(parentPid: number): void;
  denyAddressReuse(fd: number): void;
  closeDescriptor(fd: number): void;
  createDescriptorChannel(): [number, number];
  sendDescriptor(channel: number, fd: number): void;
  receiveDescriptor(channel: number): number;
}

let loaded: SocketsAddon | undefined;
const addon = (): SocketsAddon => {
  loaded ??= loadNative('sockets') as SocketsAddon;
  return loaded;
};

/** Loads the addon now, for whoever would rather know before than while. @throws LumenError LUMEN_NATIVE_MISSING */
export const requireSockets = (): void => {
  addon();
};

/**
 * Opens and binds a UDP socket without SO_REUSEADDR: a port that somebody holds stays theirs.
 * @throws Error with `code` (`EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, …), TypeError for a bad argument
 */
export const bindUdp = (binding: UdpBinding): BoundUdp =>
  addon().bindUdp(
    binding.address,
    binding.port,
    binding.sendBufferBytes ?? 0,
    binding.receiveBufferBytes ?? 0,
  );

/** Whether this machine can open sockets of IPv6: a kernel can be built or started without. */
export const hasIpv6 = (): boolean => {
  try {
    closeDescriptor(bindUdp({ address: '::', port: 0 }).fd);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAFNOSUPPORT') return false;
    throw error;
  }
};

/**
 * Makes an anonymous file in memory, zero-filled and close-on-exec.
 * @param name shown in /proc/PID/fd only
 * @param bytes size, 1 byte to 1 GiB
 */
export const createMemoryFile = (name: string, bytes: number): number =>
  addon().createMemoryFile(name, bytes);

/**
 * Has the kernel kill this process (SIGKILL) when its parent ends.
 * @param parentPid the parent's pid as the child was told it
 * @throws Error with code `ESRCH` if that parent is already gone
 */
export const dieWithParent = (parentPid: number): void => addon().dieWithParent(parentPid);

/**
 * Takes SO_REUSEADDR off a bound socket. libuv sets it on every UDP descriptor that it is handed, and on Linux two
 * sockets that both have it may share a port: any local user could then catch this one's datagrams.
 */
export const denyAddressReuse = (fd: number): void => addon().denyAddressReuse(fd);

/** Closes a descriptor. @throws Error with code `EBADF` if it is not open */
export const closeDescriptor = (fd: number): void => addon().closeDescriptor(fd);

/** Makes two connected ends between which descriptors pass. Non-blocking, close-on-exec; both belong to the caller. */
export const createDescriptorChannel = (): [number, number] => addon().createDescriptorChannel();

/**
 * Sends a copy of `fd` to the other end; `fd` stays the caller's.
 * @throws Error with code `EPIPE` where the other end is closed, `EAGAIN` where it takes no more
 */
export const sendDescriptor = (channel: number, fd: number): void => addon().sendDescriptor(channel, fd);

/**
 * Takes the next descriptor that was sent; it becomes the caller's. Does not wait.
 * @throws Error with code `EAGAIN` where none has come
 */
export const receiveDescriptor = (channel: number): number => addon().receiveDescriptor(channel);
