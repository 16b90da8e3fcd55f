/**
 * What a node does in the background, as administration is told of it.
 *
 * Owns:          the shapes: workers, what is left to do, repairs that can be launched.
 * Knows:         the words of the admin API, whose JSON most of this is as it stands.
 * Must not know: what any worker does.
 */

export type WorkerState = 'busy' | 'idle' | 'done' | { readonly throttled: Throttled };
/** It rests between two pieces of work. */
type Throttled = { readonly durationSecs: number };

export type WorkerView = {
  /** As long as the process runs; from 1. */
  readonly id: number;
  readonly name: string;
  readonly state: WorkerState;
  readonly errors: number;
  readonly consecutiveErrors: number;
  readonly lastError: { readonly message: string; readonly secsAgo: number } | null;
  /** How many times as long as it worked it rests. */
  readonly tranquility: number | null;
  readonly progress: string | null;
  readonly queueLength: number | null;
  readonly persistentErrors: number | null;
  readonly freeform: readonly string[];
};

/** What is left of the work that brings a node to what it is to hold. */
export type NodeWork = {
  /** Partitions of which rows are still to be brought in. */
  readonly syncPartitions: number;
  readonly resyncBlocks: number;
  /** Null: it is not known how large they are. */
  readonly resyncBytes: number | null;
  readonly resyncErrors: number;
  /** Until both are done; null: it is not known. */
  readonly secondsLeft: number | null;
};

export const REPAIRS = [
  'tables',
  'blocks',
  'versions',
  'multipartUploads',
  'blockRefs',
  'blockRc',
  'rebalance',
  'aliases',
  'clearResyncQueue',
  'scrub-start',
  'scrub-pause',
  'scrub-resume',
  'scrub-cancel',
] as const;

export type Repair = (typeof REPAIRS)[number];

/** Names of variables, and their values as text. */
export type WorkerVariables = Readonly<Record<string, string>>;
