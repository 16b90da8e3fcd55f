/**
 * The workers of a node as administration sees them: a list, variables, repairs.
 *
 * Owns:          their numbers, the names of variables and repairs, what is said of an unknown one.
 * Knows:         how a worker reports.
 * Must not know: what any worker does.
 *
 * Workers are added at the start, in the order in which they are shown. Nothing is counted for this
 * while nobody asks.
 */
import { assert } from '../../schemas/assert.ts';
import type { Clock } from '../../schemas/environment.ts';
import type { Repair, WorkerState, WorkerVariables, WorkerView } from '../../schemas/node-work.ts';
import type { WorkerJournal } from './worker-journal.ts';

export type WorkerReport = {
  readonly name: string;
  /** A number: it rests for so many milliseconds between two pieces of work. */
  readonly state: 'busy' | 'idle' | 'done' | { readonly restMs: number };
  readonly tranquility?: number;
  readonly progress?: string;
  readonly queueLength?: number;
  /** What it tries again and again, and has not achieved yet. */
  readonly persistentErrors?: number;
  readonly freeform?: readonly string[];
};

export interface ReportingWorker {
  readonly journal: WorkerJournal;
  report(): WorkerReport;
}

export type WorkerVariable = {
  readonly name: string;
  readonly read: () => string;
  /** Takes a text for its value; answers what is wrong with it. Absent: it can only be read. */
  readonly write?: (text: string) => Promise<string | undefined>;
};

/** Launches it; answers why it cannot be. */
export type RepairLaunch = () => Promise<string | undefined>;

export class WorkerRegistry {
  readonly #clock: Clock;
  readonly #workers: ReportingWorker[] = [];
  readonly #variables = new Map<string, WorkerVariable>();
  readonly #repairs = new Map<Repair, RepairLaunch[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(...workers: readonly ReportingWorker[]): void {
    this.#workers.push(...workers);
  }

  addVariable(variable: WorkerVariable): void {
    assert(!this.#variables.has(variable.name), 'a variable has one owner');
    this.#variables.set(variable.name, variable);
  }

  /** Several parts of a node may have something to repair under one name: all are launched. */
  addRepair(repair: Repair, launch: RepairLaunch): void {
    this.#repairs.set(repair, [...(this.#repairs.get(repair) ?? []), launch]);
  }

  workers(): WorkerView[] {
    return this.#workers.map((worker, index) => this.#view(index + 1, worker));
  }

  variables(): WorkerVariables {
    const pairs = [...this.#variables.values()].map(each => [each.name, each.read()] as const);
    return Object.fromEntries(pairs);
  }

  /** Answers one sentence when it could not be set. */
  async setVariable(name: string, text: string): Promise<string | undefined> {
    const variable = this.#variables.get(name);
    if (variable === undefined) {
      return `There is no variable ${name}; \`garage worker get\` lists them.`;
    }
    if (variable.write === undefined) return `The variable ${name} can only be read.`;
    const problem = await variable.write(text);
    return problem === undefined ? undefined : `${text} is no value for ${name}: ${problem}.`;
  }

  /** Answers one sentence when it could not be launched. */
  async launch(repair: Repair): Promise<string | undefined> {
    const launches = this.#repairs.get(repair);
    if (launches === undefined) {
      return `This node keeps nothing that the repair of ${repair} could put right.`;
    }
    const problems = await Promise.all(launches.map(launch => launch()));
    return problems.find(problem => problem !== undefined);
  }

  #view(id: number, worker: ReportingWorker): WorkerView {
    const { name, state, ...rest } = worker.report();
    const { errors, consecutiveErrors, last } = worker.journal;
    const agoMs = this.#clock.monotonicMs() - (last?.atMs ?? 0);
    return {
      ...{ id, name, state: stateView(state), errors, consecutiveErrors },
      lastError:
        last === undefined ? null : { message: last.message, secsAgo: Math.floor(agoMs / 1000) },
      tranquility: rest.tranquility ?? null,
      progress: rest.progress ?? null,
      queueLength: rest.queueLength ?? null,
      persistentErrors: rest.persistentErrors ?? null,
      freeform: rest.freeform ?? [],
    };
  }
}

function stateView(state: WorkerReport['state']): WorkerState {
  if (typeof state === 'string') return state;
  return { throttled: { durationSecs: Math.ceil(state.restMs / 1000) } };
}

/** A whole number within bounds, as most variables are. */
export function numberVariable(variable: {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly read: () => number;
  readonly write: (value: number) => Promise<void> | void;
}): WorkerVariable {
  const { name, least, most } = variable;
  return {
    name,
    read: () => String(variable.read()),
    write: async text => {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
      if (!(value >= least && value <= most)) {
        return `it is a whole number from ${String(least)} to ${String(most)}`;
      }
      await variable.write(value);
      return undefined;
    },
  };
}
