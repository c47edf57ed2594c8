/** Reads the `[[apps]]` tables of the configuration file. What is not understood is an error with app, key and value. */
import {
  APP_KEYS,
  APP_SETTINGS,
  type AppConfig,
  type AppKey,
  appIdOf,
  DESKTOP,
  DESKTOP_TITLE,
  PREPARATION_KEYS,
} from './app-settings.js';
import { invalid, notAccepted, unknownKey } from './config-error.js';

const MAX_APPS = 200;

type Values = { readonly [Key in AppKey]: ReturnType<(typeof APP_SETTINGS)[Key]['schema']['parse']> };

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/* The schema would refuse an unknown key too, but without the nearest one. */
const checkPreparationKeys = (value: unknown, prefix: string, file: string): void => {
  for (const entry of Array.isArray(value) ? value : []) {
    if (!isTable(entry)) continue;
    for (const name of Object.keys(entry)) {
      if (!PREPARATION_KEYS.some((known) => known === name)) {
        throw unknownKey(name, PREPARATION_KEYS, file, `${prefix}preparation.`);
      }
    }
  }
};

const checkValues = (table: Readonly<Record<string, unknown>>, prefix: string, file: string): Values => {
  for (const name of Object.keys(table)) {
    if (!Object.hasOwn(APP_SETTINGS, name)) throw unknownKey(name, APP_KEYS, file, prefix);
  }
  checkPreparationKeys(table['preparation'], prefix, file);
  const entries = APP_KEYS.map((key) => {
    const { schema, values } = APP_SETTINGS[key];
    const result = schema.safeParse(table[key]);
    if (result.success) return [key, result.data];
    if (table[key] === undefined) throw invalid(`${prefix}${key}`, 'it is missing', file);
    throw notAccepted(`${prefix}${key}`, table[key], values, file, result.error);
  });
  return Object.fromEntries(entries) as Values;
};

const toApp = (values: Values): AppConfig => {
  const { source, audio_source: audioSource, encoder } = values;
  return {
    id: values.id ?? appIdOf(values.title),
    title: values.title,
    command: values.command === undefined ? undefined : [values.command, ...values.arguments],
    environment: values.environment,
    workingDirectory: values.working_directory,
    preparation: values.preparation,
    boxArt: values.box_art,
    overrides: {
      ...(source === undefined ? {} : { source }),
      ...(audioSource === undefined ? {} : { audioSource }),
      ...(encoder === undefined ? {} : { encoder }),
    },
    exitEndsStream: values.exit_ends_stream,
    stopMs: values.stop_seconds * 1000,
  };
};

/* Clients key everything by the id; a person tells apps apart by title. */
const checkUnique = (apps: readonly AppConfig[], file: string): void => {
  for (const [index, app] of apps.entries()) {
    const twin = apps.slice(0, index).find(({ id, title }) => id === app.id || title === app.title);
    if (twin === undefined) continue;
    const what = twin.title === app.title ? 'title' : 'id';
    throw invalid(`apps, "${app.title}"`, `the app "${twin.title}" has the same ${what}`, file);
  }
};

/**
 * All apps of the host, Desktop first.
 * @param value what the file has under `apps`, undefined when it has none
 * @param file where it stands, for the errors
 * @throws LumenError LUMEN_CONFIG_INVALID for the first key or value that is wrong
 */
export const loadApps = (value: unknown, file: string): readonly AppConfig[] => {
  if (value === undefined) return [DESKTOP];
  if (!Array.isArray(value) || !value.every(isTable)) {
    throw invalid('apps', 'apps are written as [[apps]], one table each', file);
  }
  if (value.length > MAX_APPS) throw invalid('apps', `there are more than ${MAX_APPS}`, file);
  const apps = value.map((table, index) => {
    const title = table['title'];
    const name = typeof title === 'string' ? `"${title.slice(0, 63)}"` : `number ${index + 1}`;
    return toApp(checkValues(table, `apps, ${name}: `, file));
  });
  const configured = apps.find(({ title }) => title === DESKTOP_TITLE);
  const all = [configured ?? DESKTOP, ...apps.filter((app) => app !== configured)];
  checkUnique(all, file);
  return all;
};
