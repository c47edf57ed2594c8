/** The settings as a Markdown table: the body of `docs/configuration.md`, made from the schema so that it is true. */
import { SETTING_KEYS, SETTINGS, toFlag, variablesOf } from './settings.js';

const cell = (text: string): string => text.replaceAll('|', '\\|');

const formatDefault = (fallback: string | number | boolean): string => {
  if (fallback === '') return '';
  return typeof fallback === 'string' ? `\`"${fallback}"\`` : `\`${fallback}\``;
};

/** One row per setting: file key, default, values, flag, variable, meaning. Ends without a line break. */
export const formatConfigReference = (): string =>
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
