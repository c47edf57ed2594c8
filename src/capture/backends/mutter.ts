/**
 * GNOME's compositor: a virtual output of the client's size, or one of its monitors, by `org.gnome.Mutter.ScreenCast`.
 * No dialog. The screen cast belongs to the bus connection that asked for it, so it ends with this process however that
 * ends. A virtual output takes its size from the graph: it appears when the format is agreed (stage `virtual`).
 */
import type { BusMethod, MessageBus } from '../../support/dbus.js';
import { describeError, LumenError } from '../../support/errors.js';
import { withDeadline } from '../../support/lifecycle.js';
import type {
  Capture,
  CaptureBackend,
  CaptureContext,
  CaptureEvents,
  CaptureRequest,
  CaptureTarget,
} from '../capture.js';
import { awaitNode, createNodeCapture } from '../node-capture.js';
import { busAccess } from '../session-bus.js';

const SCREEN_CAST = 'org.gnome.Mutter.ScreenCast';
const DISPLAY_CONFIG = 'org.gnome.Mutter.DisplayConfig';
/** Mutter answers in milliseconds; a session that logs in may take longer. */
const NODE_DEADLINE_MS = 3000;
const CURSOR_MODE = { hidden: 0, embedded: 1 } as const;

const { failed, connect, withBus } = busAccess({
  capture: 'GNOME (mutter)',
  remedy: 'log in to GNOME, or choose another source: lumen sources',
});

const screenCast = (path: string, part: string, member: string): BusMethod => ({
  destination: SCREEN_CAST,
  path,
  interface: `${SCREEN_CAST}${part}`,
  member,
});

/** One monitor that shows something. */
interface Monitor {
  readonly connector: string;
  readonly description: string;
  /** Width and height as text. */
  readonly size: string;
}

/** A monitor of `GetCurrentState`: `((connector, vendor, product, serial), modes, properties)`. */
type MonitorState = readonly [
  readonly [connector: string, vendor: string, product: string, serial: string],
  readonly (readonly [string, number, number, number, number, number[], Record<string, unknown>])[],
  Readonly<Record<string, unknown>>,
];

const readMonitors = async (bus: MessageBus): Promise<Monitor[]> => {
  const [, monitors] = await bus.call(
    {
      destination: DISPLAY_CONFIG,
      path: '/org/gnome/Mutter/DisplayConfig',
      interface: DISPLAY_CONFIG,
      member: 'GetCurrentState',
    },
    '',
    [],
  );
  return (monitors as readonly MonitorState[]).map(([[connector], modes, properties]) => {
    const current = modes.find((mode) => mode[6]['is-current'] === true);
    const size = current === undefined ? 'off' : `${current[1]}x${current[2]}`;
    return { connector, size, description: `${properties['display-name'] ?? ''} ${size}`.trim() };
  });
};

const requireMonitor = async (bus: MessageBus, connector: string): Promise<Monitor> => {
  const monitors = await readMonitors(bus);
  const found = monitors.find((monitor) => monitor.connector === connector);
  if (found !== undefined) return found;
  const names = monitors.map((monitor) => monitor.connector).join(', ');
  throw new LumenError('LUMEN_SOURCE_MISSING', {
    source: `mutter:${connector}`,
    alternatives: names === '' ? '; GNOME has no monitor' : `; there are: ${names}`,
  });
};

/** Starts the screen cast. @returns the path of its session and the id of its node */
const startCast = async (
  bus: MessageBus,
  { target, cursor }: CaptureRequest,
): Promise<{ session: string; nodeId: number }> => {
  const [session] = await bus.call(screenCast('/org/gnome/Mutter/ScreenCast', '', 'CreateSession'), 'a{sv}', [
    {},
  ]);
  const path = String(session);
  const cursorMode = { 'cursor-mode': ['u', CURSOR_MODE[cursor]] };
  const [stream] =
    target === undefined
      ? await bus.call(screenCast(path, '.Session', 'RecordVirtual'), 'a{sv}', [
          // Without it GNOME would draw its sign for a shared screen into the picture.
          { ...cursorMode, 'is-platform': ['b', true] },
        ])
      : await bus.call(screenCast(path, '.Session', 'RecordMonitor'), 'sa{sv}', [target, cursorMode]);
  const added = new Promise<number>((resolve) => {
    bus.onSignal(
      `type='signal',path='${stream}',interface='${SCREEN_CAST}.Stream',member='PipeWireStreamAdded'`,
      ({ values }) => resolve(Number(values[0])),
    );
  });
  await bus.call(screenCast(path, '.Session', 'Start'), '', []);
  return { session: path, nodeId: await withDeadline(added, NODE_DEADLINE_MS, 'mutter’s PipeWire stream') };
};

/** Tells when the cast's session, its monitor or the bus is gone, and when the monitor changes its size. */
const watchCast = (
  bus: MessageBus,
  session: string,
  monitor: Monitor | undefined,
  events: CaptureEvents,
): void => {
  bus.onLost((problem) => events.onEnded(`the session bus is gone: ${problem}`));
  bus.onSignal(`type='signal',path='${session}',interface='${SCREEN_CAST}.Session',member='Closed'`, () =>
    events.onEnded('GNOME closed the screen cast'),
  );
  bus.onNameLost(SCREEN_CAST, () => events.onEnded('mutter is gone'));
  if (monitor === undefined) return;
  bus.onSignal(`type='signal',interface='${DISPLAY_CONFIG}',member='MonitorsChanged'`, () => {
    readMonitors(bus).then(
      (monitors) => {
        const now = monitors.find(({ connector }) => connector === monitor.connector);
        if (now === undefined) events.onEnded(`the monitor ${monitor.connector} is gone`);
        else if (now.size !== monitor.size) events.onResized();
      },
      (error: unknown) => events.onEnded(describeError(error)),
    );
  });
};

const openCast = async (
  { environment }: CaptureContext,
  request: CaptureRequest,
  events: CaptureEvents,
): Promise<Capture> => {
  const bus = connect(environment);
  try {
    const { target, mode } = request;
    const monitor = target === undefined ? undefined : await requireMonitor(bus, target);
    const { session, nodeId } = await startCast(bus, request);
    const node = await awaitNode(nodeId, environment, failed);
    watchCast(bus, session, monitor, events);
    const description =
      monitor === undefined
        ? `GNOME virtual output ${mode.width}x${mode.height}@${mode.fps}`
        : `GNOME monitor ${monitor.connector} ${monitor.size}`;
    const close = async (): Promise<void> => {
      // Where it does not answer, the end of the connection does the same.
      await bus.call(screenCast(session, '.Session', 'Stop'), '', []).catch(() => undefined);
      bus.close();
    };
    return createNodeCapture({ node, description, environment, close });
  } catch (error) {
    bus.close();
    throw error instanceof LumenError ? error : failed(describeError(error), error);
  }
};

export const createMutterBackend = (context: CaptureContext): CaptureBackend => ({
  name: 'mutter',
  title: 'GNOME (mutter)',
  stageFor: (target) => (target === undefined ? 'virtual' : 'pipewire'),
  check: (target) =>
    withBus(context.environment, async (bus) => {
      if (!(await bus.hasOwner(SCREEN_CAST))) throw failed('nothing on the session bus is called mutter');
      if (target !== undefined) await requireMonitor(bus, target);
      return 'GNOME’s compositor answers on the session bus';
    }),
  list: () =>
    withBus(context.environment, async (bus): Promise<readonly CaptureTarget[]> => {
      if (!(await bus.hasOwner(SCREEN_CAST))) return [];
      const monitors = await readMonitors(bus);
      return monitors.map(({ connector, description }) => ({ name: connector, description }));
    }),
  open: (request, events) => openCast(context, request, events),
  // The bus told mutter of the end of every earlier host.
  removeStale: async () => undefined,
});
