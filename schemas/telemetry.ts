/**
 * The port for telling operators what happens: log lines with fields.
 *
 * Owns:          the interface of the log.
 * Knows:         nothing.
 * Must not know: pino, files, terminals.
 *
 * Never hand a secret to it, not even inside an error's cause: what is logged is copied around.
 */

/** Facts of a line by name; an `error` field may hold an Error, which is written with its cause. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  /** Something is broken and an operator has to act. */
  error(fields: LogFields, message: string): void;
  /** Something went wrong and the system went on by itself. */
  warn(fields: LogFields, message: string): void;
  /** Starts, stops, changes, and one line per request. */
  info(fields: LogFields, message: string): void;
  /** For someone who looks for a fault. */
  debug(fields: LogFields, message: string): void;
  /** A log whose lines all carry these fields too. */
  child(fields: LogFields): Log;
}
