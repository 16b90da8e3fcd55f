/**
 * What every process tells all others twice a second.
 *
 * Owns:          the event's fields.
 * Knows:         ids.
 * Must not know: who listens, what is concluded from silence.
 *
 * It carries digests, not states: who finds that another knows something else of the layout asks a
 * storage node for it. So a gateway, which anybody may run, cannot put a layout into the world.
 */
import type { DiskSpace } from '../admin-types.ts';
import type { NodeId } from '../ids.ts';
import type { NodeWork } from '../node-work.ts';

export type ProcessRole = 'gateway' | 'storage';

/** How much of what a store was told is durable. */
export type StoreMark = {
  /** Drawn when the store was made: 16 hex digits. */
  readonly incarnation: string;
  /** Grows with its batches; counts durable ones only. */
  readonly durable: number;
};

export type Heartbeat = {
  readonly node: NodeId;
  /** By which requests of this process are known; drawn at its start. */
  readonly process: number;
  readonly roles: readonly ProcessRole[];
  readonly hostname: string;
  /** What others would reach it by, for operators. */
  readonly address: string;
  readonly garageVersion: string;
  /** Of the layout state that it knows, 16 hex digits. */
  readonly layoutDigest: string;
  readonly layoutVersion: number;
  /** It says goodbye: there will be no more of these. */
  readonly isLeaving: boolean;
  readonly mark?: StoreMark;
  /** What is still to be done until the node has all that it is to have. */
  readonly work?: NodeWork;
  readonly data?: DiskSpace;
  readonly metadata?: DiskSpace;
};
