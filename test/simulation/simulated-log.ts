/**
 * The log of a simulated process, as part of the run's history.
 *
 * Owns:          how a line is shown.
 * Knows:         the log port.
 * Must not know: what is logged.
 */
import { InvariantError } from '../../schemas/assert.ts';
import type { Log, LogFields } from '../../schemas/telemetry.ts';
import type { Trace } from './trace.ts';

export class SimulatedLog implements Log {
  readonly #name: string;
  readonly #trace: Trace;
  readonly #onBug: (what: string, error: unknown) => void;

  constructor(name: string, trace: Trace, onBug: (what: string, error: unknown) => void) {
    this.#name = name;
    this.#trace = trace;
    this.#onBug = onBug;
  }

  #line(level: string, fields: LogFields, message: string): void {
    const { error, ...rest } = fields;
    // Whoever catches everything must not hide what cannot be.
    if (isBug(error)) this.#onBug(`${this.#name}: ${message}`, error);
    this.#trace.detail(() => {
      const told = error === undefined ? '' : ` (${reasonOf(error)})`;
      return `${this.#name} ${level}: ${message}${told} ${JSON.stringify(rest)}`;
    });
  }

  error(fields: LogFields, message: string): void {
    this.#line('error', fields, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#line('warn', fields, message);
  }

  info(fields: LogFields, message: string): void {
    this.#line('info', fields, message);
  }

  debug(): void {
    // Too much to be read.
  }

  child(): Log {
    return this;
  }
}

function isBug(error: unknown): boolean {
  return (
    error instanceof InvariantError ||
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof ReferenceError
  );
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause === undefined ? error.message : `${error.message}: ${reasonOf(cause)}`;
}
