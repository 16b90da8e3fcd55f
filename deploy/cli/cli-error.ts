/**
 * What a command says when it could not be done.
 *
 * Owns:          the error of commands.
 * Knows:         nothing.
 * Must not know: how it is printed.
 */

/** One sentence for whoever typed the command, and the next step where there is one. */
export class CliError extends Error {
  override readonly name = 'CliError';
}
