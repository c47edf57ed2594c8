/**
 * The desktop portal's screen cast: the way that every desktop has, with a dialog in which a person chooses what is
 * shown. The restore token that comes with the answer is kept, so that the dialog comes once. Pictures come through a
 * PipeWire connection of the portal's own, one for each media process. Source: org.freedesktop.portal.ScreenCast,
 * version 4.
 */
import path from 'node:path';
import { readSecretFile, replaceSecretFile } from '../../identity/secret-file.js';
import type { MessageBus } from '../../support/dbus.js';
import {
  DesktopPortal,
  PORTAL_RESPONSE,
  type PortalAnswer,
  type PortalOptions,
  randomPortalToken,
} from '../../support/desktop-portal.js';
import { describeError, LumenError } from '../../support/errors.js';
import type { Logger } from '../../support/logger.js';
import type { Capture, CaptureBackend, CaptureContext, CaptureEvents, CaptureRequest } from '../capture.js';
import { awaitNode, createNodeCapture } from '../node-capture.js';
import { busAccess } from '../session-bus.js';

const PORTAL = 'org.freedesktop.portal.Desktop';
const SCREEN_CAST = 'org.freedesktop.portal.ScreenCast';
const SESSION = 'org.freedesktop.portal.Session';
const TITLE = 'the desktop portal';
/** A person who has to find the dialog; a client that waits for its first picture leaves after ten seconds. */
const DIALOG_DEADLINE_MS = 60_000;
const SOURCE_TYPE = { monitor: 1, virtual: 4 } as const;
const CURSOR_MODE = { hidden: 1, embedded: 2 } as const;
/** Until it is revoked: the permission outlives this process. */
const PERSIST_UNTIL_REVOKED = 2;

const { failed, connect, withBus } = busAccess({
  capture: TITLE,
  remedy:
    'install the portal of your desktop (xdg-desktop-portal-gnome, -kde, -wlr), or choose another source: lumen sources',
});

/**
 * Calls a method of the screen cast and waits for its answer.
 * @param signature of `values`; the options come last
 * @throws LumenError LUMEN_CAPTURE_REFUSED where a person said no
 */
const ask = async (
  portal: DesktopPortal,
  member: string,
  [signature, ...values]: readonly [signature: string, ...values: unknown[]],
  options: PortalOptions,
): Promise<PortalAnswer['results']> => {
  const method = { interface: SCREEN_CAST, member };
  const { code, results } = await portal.request(method, signature, values, options, DIALOG_DEADLINE_MS);
  if (code === PORTAL_RESPONSE.success) return results;
  if (code !== PORTAL_RESPONSE.cancelled) throw failed(`${member} was answered with ${code}`);
  throw new LumenError('LUMEN_CAPTURE_REFUSED', {
    capture: TITLE,
    problem: 'the dialog on this machine was refused or closed',
    remedy:
      'start the stream again and choose a screen in the dialog, or choose another source: lumen sources',
  });
};

/** The file of the token, and what is in it: an opaque word of the portal. */
class RestoreToken {
  readonly #file: string;
  readonly #logger: Logger;

  constructor({ stateDir, logger }: CaptureContext, type: keyof typeof SOURCE_TYPE) {
    this.#file = path.join(stateDir, `portal-${type}.token`);
    this.#logger = logger;
  }

  read(): string | undefined {
    try {
      return readSecretFile(this.#file)?.trim() || undefined;
    } catch (error) {
      this.#logger.warn({ problem: describeError(error) }, 'the portal will ask again');
      return undefined;
    }
  }

  /** Each token is good for one start; the next one comes with its answer. */
  save(token: unknown): void {
    if (typeof token !== 'string' || token === '') return;
    try {
      replaceSecretFile(this.#file, `${token}\n`);
    } catch (error) {
      this.#logger.warn({ problem: describeError(error) }, 'the portal will ask again at the next start');
    }
  }
}

const typeOf = (target: string | undefined): keyof typeof SOURCE_TYPE => {
  if (target === undefined) return 'monitor';
  if (target === 'monitor' || target === 'virtual') return target;
  throw new LumenError('LUMEN_SOURCE_MISSING', {
    source: `portal:${target}`,
    alternatives: '; the portal takes monitor and virtual, and a person chooses which one',
  });
};

/** Goes through the portal's three steps. @returns the session and the id of the node */
const startCast = async (
  portal: DesktopPortal,
  context: CaptureContext,
  request: CaptureRequest,
): Promise<{ session: string; nodeId: number }> => {
  const type = typeOf(request.target);
  const token = new RestoreToken(context, type);
  const saved = token.read();
  const created = await ask(portal, 'CreateSession', [''], {
    session_handle_token: ['s', randomPortalToken()],
  });
  const session = String(created['session_handle']);
  await ask(portal, 'SelectSources', ['o', session], {
    types: ['u', SOURCE_TYPE[type]],
    multiple: ['b', false],
    cursor_mode: ['u', CURSOR_MODE[request.cursor]],
    persist_mode: ['u', PERSIST_UNTIL_REVOKED],
    ...(saved && { restore_token: ['s', saved] as const }),
  });
  if (saved === undefined)
    context.logger.warn('a dialog on this machine asks which screen may be streamed: answer it there');
  const started = await ask(portal, 'Start', ['os', session, ''], {});
  token.save(started['restore_token']);
  const [stream] = Array.isArray(started['streams']) ? started['streams'] : [];
  if (!Array.isArray(stream)) throw failed('it started without a stream');
  return { session, nodeId: Number(stream[0]) };
};

const watchCast = (
  { bus, portal }: { readonly bus: MessageBus; readonly portal: DesktopPortal },
  session: string,
  events: CaptureEvents,
): void => {
  bus.onLost((problem) => events.onEnded(`the session bus is gone: ${problem}`));
  bus.onSignal(`type='signal',path='${session}',interface='${SESSION}',member='Closed'`, () =>
    events.onEnded('the desktop portal closed the screen cast'),
  );
  portal.onGone(() => events.onEnded('the desktop portal is gone'));
};

const openCast = async (
  context: CaptureContext,
  request: CaptureRequest,
  events: CaptureEvents,
): Promise<Capture> => {
  const { environment } = context;
  const bus = connect(environment);
  try {
    const portal = new DesktopPortal(bus);
    const { session, nodeId } = await startCast(portal, context, request);
    const node = await awaitNode(nodeId, environment, failed);
    watchCast({ bus, portal }, session, events);
    return createNodeCapture({
      node,
      description: `screen chosen in the desktop portal (${typeOf(request.target)})`,
      environment,
      openRemote: async () => {
        const method = { interface: SCREEN_CAST, member: 'OpenPipeWireRemote' };
        const [fd] = await portal.call(method, 'oa{sv}', [session, {}]);
        return Number(fd);
      },
      close: async () => {
        const method = { destination: PORTAL, path: session, interface: SESSION, member: 'Close' };
        // Where it does not answer, the end of the connection does the same.
        await bus.call(method, '', []).catch(() => undefined);
        bus.close();
      },
    });
  } catch (error) {
    bus.close();
    throw error instanceof LumenError ? error : failed(describeError(error), error);
  }
};

/** Whether the running portal has a back end for screen casts. */
const checkPortal = async (bus: MessageBus): Promise<string> => {
  const method = { interface: 'org.freedesktop.DBus.Properties', member: 'Get' };
  const [types] = await new DesktopPortal(bus).call(method, 'ss', [SCREEN_CAST, 'AvailableSourceTypes']);
  if ((Number(types) & (SOURCE_TYPE.monitor | SOURCE_TYPE.virtual)) === 0)
    throw failed('it has no back end that shows screens');
  return 'the desktop portal offers screen casts, with a dialog at the first start';
};

export const createPortalBackend = (context: CaptureContext): CaptureBackend => ({
  name: 'portal',
  title: 'desktop portal',
  stageFor: (target) => (target === 'virtual' ? 'virtual' : 'pipewire'),
  check(target) {
    typeOf(target);
    return withBus(context.environment, checkPortal);
  },
  // Which one is shown, a person chooses in the dialog.
  list: async () => [],
  open: (request, events) => openCast(context, request, events),
  async prepare(target) {
    if (new RestoreToken(context, typeOf(target)).read() !== undefined) return;
    const nothing = { onEnded: () => undefined, onResized: () => undefined };
    // The size says nothing here: what counts is the token that comes with the answer.
    const mode = { width: 1920, height: 1080, fps: 60 };
    await (await openCast(context, { mode, cursor: 'embedded', target }, nothing)).close();
  },
  // The bus told the portal of the end of every earlier host.
  removeStale: async () => undefined,
});
