/** Where the descriptions are that come with Lumen. */
import { fileURLToPath } from 'node:url';

/** The package's `pipelines/`, without a slash at its end. */
export const SHIPPED_PIPELINES = fileURLToPath(new URL('../../../pipelines', import.meta.url));
