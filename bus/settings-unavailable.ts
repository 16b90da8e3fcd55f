/**
 * What who reads or changes settings must reckon with.
 *
 * Owns:          the error.
 * Knows:         nothing.
 * Must not know: what was asked.
 */

/** The keepers could not be asked, or could not say what became of a change. */
export class SettingsUnavailableError extends Error {
  override readonly name = 'SettingsUnavailableError';
}
