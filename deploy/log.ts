/**
 * The log of a process: readable lines on a terminal, JSON otherwise, on standard error.
 *
 * Owns:          the form and the level of lines; pino.
 * Knows:         Garage's variables for both.
 * Must not know: what is logged.
 *
 * Lines are written behind the process's back, within a bound: a reader of the log that has stopped
 * costs lines, never requests. What waits is written by `flush`, and when the process ends.
 */
import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Log } from '../schemas/telemetry.ts';
import type { Variables } from './secrets.ts';

export type LogFormat = 'text' | 'json';
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

export type LogOptions = {
  readonly format: LogFormat;
  readonly level: LogLevel;
  /** A file descriptor. */
  readonly output: number;
};

export type OpenLog = {
  readonly log: Log;
  /** Resolves once everything that was logged so far is written, or cannot be. */
  flush(): Promise<void>;
};

/** What may wait to be written; more is dropped. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024;
const STANDARD_ERROR = 2;
const TOGETHER_BYTES = 8192;
const TOGETHER_MS = 100;

/** Reads `GARAGE_LOG_FORMAT` (`text`, `json`) and the words for levels of `RUST_LOG`. */
export function logOptions(variables: Variables, isTerminal: boolean): LogOptions {
  const asked = variables['GARAGE_LOG_FORMAT']?.toLowerCase();
  const format = asked === 'json' || asked === 'text' ? asked : isTerminal ? 'text' : 'json';
  return { format, level: levelOf(variables['RUST_LOG']), output: STANDARD_ERROR };
}

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

/** Of `netapp=warn,garage=debug`: what is said of garage, or of everything; the most talkative. */
function levelOf(directives: string | undefined): LogLevel {
  const words = (directives ?? '').split(',').flatMap(directive => {
    const [target = '', word] = directive.trim().toLowerCase().split('=');
    if (word === undefined) return [target];
    return target.startsWith('garage') ? [word] : [];
  });
  const said = words.map(word => (word === 'off' ? 'silent' : word));
  return LEVELS.find(level => said.includes(level)) ?? 'info';
}

export function openLog({ format, level, output }: LogOptions): OpenLog {
  const destination = pino.destination({
    dest: output,
    sync: false,
    // Lines of busy moments are written together; a lone one waits no longer than that.
    minLength: TOGETHER_BYTES,
    periodicFlush: TOGETHER_MS,
    maxLength: WAITING_BYTES_MAX,
  });
  const stream =
    format === 'json'
      ? destination
      : pretty({
          colorize: true,
          translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l',
          errorLikeObjectKeys: ['error'],
          singleLine: true,
          destination,
        });
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      serializers: { error: pino.stdSerializers.errWithCause },
    },
    stream,
  );
  return {
    log,
    flush: () =>
      new Promise(resolve => {
        destination.flush(() => {
          resolve();
        });
      }),
  };
}
