/** The settings as a Markdown table: the body of `docs/configuration.md`, made from the schema so that it is true. */
import { APP_KEYS, APP_SETTINGS } from './app-settings.js';
import { SETTING_KEYS, SETTINGS, toFlag, variablesOf } from './settings.js';

const cell = (text: string): string => text.replaceAll('|', '\\|');

const formatDefault = (fallback: string | number | boolean): string => {
  if (fallback === '') return '';
  return typeof fallback === 'string' ? `\`"${fallback}"\`` : `\`${fallback}\``;
};

const formatAppReference = (): string =>
  [
    '| key of `[[apps]]` | values | meaning |',
    '|---|---|---|',
    ...APP_KEYS.map((key) => {
      const { values, description } = APP_SETTINGS[key];
      return `| \`${key}\` | ${cell(values)} | ${cell(description)} |`;
    }),
  ].join('\n');

const formatSettingReference = (): string =>
  [
    '| setting | default | values | flag | variable | meaning |',
    '|---|---|---|---|---|---|',
    ...SETTING_KEYS.map((key) => {
      const { fallback, values, description } = SETTINGS[key];
      const variables = variablesOf(key).map((name) => `\`${name}\``);
      const names = [`\`${toFlag(key)}\``, variables.join(' or ')];
      const cells = [`\`${key}\``, formatDefault(fallback), cell(values), ...names, cell(description)];
      return `| ${cells.join(' | ')} |`;
    }),
  ].join('\n');

/** One row per setting (file key, default, values, flag, variable, meaning), then one per key of an app. */
export const formatConfigReference = (): string => `${formatSettingReference()}\n\n${formatAppReference()}`;
