/**
 * One process of a trial cluster: started, watched, ended, and started again.
 *
 * Owns:          the operating system's process and its log file.
 * Knows:         a command line.
 * Must not know: what the program is.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export type ChildOptions = {
  /** For messages: `paris storage`. */
  readonly name: string;
  readonly command: string;
  readonly parameters: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Everything it says is appended here. */
  readonly logPath: string;
  /** Called whenever it has ended, asked to or not. */
  readonly ended?: (child: Child) => void;
};

const LOG_TAIL_CHARACTERS = 4000;

export class Child {
  readonly #options: ChildOptions;
  #process: ChildProcess | undefined;

  constructor(options: ChildOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Of the process that runs; undefined: none does. */
  get pid(): number | undefined {
    return this.isRunning ? this.#process?.pid : undefined;
  }

  get isRunning(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  /** The last of what it said. */
  get logTail(): string {
    return readFileSync(this.#options.logPath, 'utf8').slice(-LOG_TAIL_CHARACTERS);
  }

  /** It runs when this returns; whether it serves is another question. */
  start(more: readonly string[] = []): void {
    if (this.isRunning) return;
    const { command, parameters, env, logPath, ended } = this.#options;
    const log = openSync(logPath, 'a', 0o600);
    const started = spawn(command, [...parameters, ...more], {
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#process = started;
    started.once('error', () => ended?.(this));
    started.once('exit', () => ended?.(this));
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#process?.kill(signal);
  }

  /** Sends the signal and waits for the end. One that stands still is woken first. */
  async end(signal: NodeJS.Signals = 'SIGTERM', patienceMs = 15_000): Promise<void> {
    const ending = this.#process;
    if (ending === undefined || !this.isRunning) return;
    const ended = once(ending, 'exit');
    ending.kill(signal);
    if (signal !== 'SIGKILL') ending.kill('SIGCONT');
    const timer = new AbortController();
    const late = pause(patienceMs, 'late', { signal: timer.signal }).catch(() => 'in time');
    if ((await Promise.race([ended, late])) === 'late') {
      ending.kill('SIGKILL');
      await ended;
    }
    timer.abort();
  }
}
