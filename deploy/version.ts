/**
 * The release, as `garage --version`, `garage status` and the metrics show it.
 *
 * Owns:          the number; package.json has the same, held by a test.
 * Knows:         nothing.
 * Must not know: anything.
 */
export const GARAGE_VERSION = '0.1.0';
