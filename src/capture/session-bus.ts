/** The session bus, as back ends that ask a compositor or the portal reach it: their errors name who was asked. */
import { BusError, MessageBus, sessionBusAddress } from '../support/dbus.js';
import { describeError, LumenError } from '../support/errors.js';
import type { CaptureContext } from './capture.js';

type Environment = CaptureContext['environment'];

export interface BusAccess {
  /** A LUMEN_CAPTURE_FAILED. */
  failed(problem: string, cause?: unknown): LumenError;
  /** A connection, the caller's to close. @throws LumenError LUMEN_CAPTURE_FAILED where there is no bus */
  connect(environment: Environment): MessageBus;
  /** Runs `work` on a connection of its own. Errors of the bus become LUMEN_CAPTURE_FAILED. */
  withBus<T>(environment: Environment, work: (bus: MessageBus) => Promise<T>): Promise<T>;
}

/** @param who name of the capture and the remedy, for the errors */
export const busAccess = (who: { readonly capture: string; readonly remedy: string }): BusAccess => {
  const failed = (problem: string, cause?: unknown): LumenError =>
    cause instanceof LumenError ? cause : new LumenError('LUMEN_CAPTURE_FAILED', { ...who, problem }, cause);
  const connect = (environment: Environment): MessageBus => {
    const address = sessionBusAddress(environment);
    if (address === undefined) throw failed('there is no session bus (DBUS_SESSION_BUS_ADDRESS is not set)');
    try {
      return new MessageBus(address);
    } catch (error) {
      throw failed(`the session bus does not answer: ${describeError(error)}`, error);
    }
  };
  return {
    failed,
    connect,
    async withBus(environment, work) {
      const bus = connect(environment);
      try {
        return await work(bus);
      } catch (error) {
        throw error instanceof BusError ? failed(error.message, error) : error;
      } finally {
        bus.close();
      }
    },
  };
};
