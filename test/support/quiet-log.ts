/**
 * A log that keeps its lines for a test to look at.
 *
 * Owns:          the lines.
 * Knows:         the log port.
 * Must not know: what is logged.
 */
import type { Log, LogFields } from '../../schemas/telemetry.ts';

export type LogLine = {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly fields: LogFields;
  readonly message: string;
};

export class QuietLog implements Log {
  readonly lines: LogLine[] = [];

  error(fields: LogFields, message: string): void {
    this.lines.push({ level: 'error', fields, message });
  }

  warn(fields: LogFields, message: string): void {
    this.lines.push({ level: 'warn', fields, message });
  }

  info(fields: LogFields, message: string): void {
    this.lines.push({ level: 'info', fields, message });
  }

  debug(fields: LogFields, message: string): void {
    this.lines.push({ level: 'debug', fields, message });
  }

  child(): Log {
    return this;
  }

  count(level: LogLine['level']): number {
    return this.lines.filter(line => line.level === level).length;
  }
}
