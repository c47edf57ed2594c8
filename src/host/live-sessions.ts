/** The sessions of a host while they live: attached to the protocol servers, seen by the status, ended with a reason. */
import type { AppConfig } from '../config/app-settings.js';
import { END_REASONS, type EndReason } from '../session/end-reasons.js';
import { SessionRegistry } from '../session/registry.js';
import type { Session, SessionContext, SessionState } from '../session/session.js';
import { type ProtocolServers, SessionWiring } from './session-wiring.js';
import type { SleepInhibitor } from './sleep-inhibitor.js';
import type { SessionView } from './status.js';

export interface LiveSessionsOptions {
  readonly maxSessions: number;
  readonly servers: ProtocolServers;
  /** Holds the machine awake for those that stream. */
  readonly sleepInhibitor: SleepInhibitor;
}

type Events = Pick<SessionContext, 'onState' | 'onFinished' | 'onKeyFrameOwed' | 'onStages'>;

export class LiveSessions {
  readonly registry: SessionRegistry;
  readonly #servers: ProtocolServers;
  readonly #sleepInhibitor: SleepInhibitor;
  readonly #wirings = new Map<Session, SessionWiring>();

  constructor({ maxSessions, servers, sleepInhibitor }: LiveSessionsOptions) {
    this.registry = new SessionRegistry(maxSessions);
    this.#servers = servers;
    this.#sleepInhibitor = sleepInhibitor;
  }

  /** What each session tells. */
  readonly events: Events = {
    onState: (session, state) => this.#onState(session, state),
    onFinished: (session) => this.#drop(session),
    onKeyFrameOwed: (session) => this.#wirings.get(session)?.oweKeyFrame(),
    onStages: (session, stages) => this.#wirings.get(session)?.onStages(stages),
  };

  /** A session that was just made: its first state came about before anybody could be told. */
  onLaunched(session: Session): void {
    this.#onState(session, 'launched');
  }

  views(apps: readonly AppConfig[]): readonly SessionView[] {
    return this.registry.all().map((session) => {
      const title = apps.find(({ id }) => id === session.appId)?.title ?? '';
      const { counts, roundTripTimeMs, controlAddress } = this.#wirings.get(session) ?? {};
      return { session, title, counts, roundTripTimeMs, controlAddress };
    });
  }

  /** Ends those that `isMeant` names; resolves when their clients were told as far as that was possible. */
  async end(reason: EndReason, isMeant: (session: Session) => boolean = () => true): Promise<void> {
    await Promise.all(
      this.registry
        .all()
        .filter(isMeant)
        .map((session) => session.end(reason)),
    );
  }

  #onState(session: Session, state: SessionState): void {
    if (state === 'launched') {
      this.#drop(session);
      this.#wirings.set(session, new SessionWiring(session, this.#servers));
    }
    if (state !== 'suspended' && state !== 'ended') {
      this.#sleepInhibitor.hold(session);
      return;
    }
    this.#sleepInhibitor.release(session);
    this.#wirings.get(session)?.detach();
    if (state === 'suspended') this.#drop(session);
    else this.registry.remove(session);
  }

  /** Takes a session off the servers. */
  #drop(session: Session): void {
    const wiring = this.#wirings.get(session);
    wiring?.detach();
    wiring?.dropControl(session.endReason === undefined ? undefined : END_REASONS[session.endReason].code);
    this.#wirings.delete(session);
  }
}
