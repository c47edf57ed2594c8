/** Everything that was set: the settings of the host and its apps. */
import type { AppConfig } from './app-settings.js';
import type { HostSettings } from './settings.js';

/** All settings, checked and deep-frozen. */
export type Config = HostSettings & {
  /** Desktop first, which is always there; titles and ids are unique. */
  readonly apps: readonly AppConfig[];
};
