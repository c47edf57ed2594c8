/** The media plane of each app: the host's own, or one with what the app sets of source, sound and encoder. */
import type { CaptureBackend } from '../capture/capture.js';
import type { AppConfig } from '../config/app-settings.js';
import { Captures } from './captures.js';
import { MediaPlane, type MediaPlaneOptions } from './media-plane.js';

interface Planes {
  readonly plane: MediaPlane;
  readonly captures: Captures;
}

export class AppMedia {
  readonly #host: Planes;
  readonly #byApp = new Map<number, Planes>();

  /**
   * @param options of the host's own plane
   * @param backends for captures of apps with a source of their own
   */
  constructor(options: MediaPlaneOptions, apps: readonly AppConfig[], backends: readonly CaptureBackend[]) {
    this.#host = { plane: new MediaPlane(options), captures: options.captures };
    for (const { id, overrides } of apps) {
      if (Object.keys(overrides).length === 0) continue;
      const { source } = overrides;
      const { logger } = options;
      const captures = source === undefined ? options.captures : new Captures({ source, backends, logger });
      const config = { ...options.config, ...overrides };
      this.#byApp.set(id, { plane: new MediaPlane({ ...options, config, captures }), captures });
    }
  }

  /** The plane of what sets nothing of its own. */
  get hostPlane(): MediaPlane {
    return this.#host.plane;
  }

  planeFor(appId: number): MediaPlane {
    return (this.#byApp.get(appId) ?? this.#host).plane;
  }

  /** Closes the capture of a session that has ended. */
  release(appId: number, sessionId: string): void {
    (this.#byApp.get(appId) ?? this.#host).captures.release(sessionId);
  }

  async close(): Promise<void> {
    const captures = [this.#host, ...this.#byApp.values()].map((planes) => planes.captures);
    await Promise.all([...new Set(captures)].map((one) => one.close()));
  }
}
