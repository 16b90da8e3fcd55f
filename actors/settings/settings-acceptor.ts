/**
 * One of the replicas that decide on a settings row: what it promises, accepts and learns.
 *
 * Owns:          the rule of one replica, as pure functions.
 * Knows:         decided and undecided rows.
 * Must not know: the store, who proposes.
 *
 * The decided rows of one id are a chain: each was accepted by a quorum as the one behind the row
 * before it. A replica never accepts a row that is to follow another row than the one that it holds
 * as decided, and it never takes a decided row back; so of all rows that are to follow one base at
 * most one is ever accepted by a quorum (bus/settings-rounds.ts has the other half of the
 * argument). What is undecided is dropped once the decided row is not its base any more: it was
 * decided itself, or never can be.
 */
import type { DecidedRow, UndecidedRow } from '../../schemas/records/settings-round.ts';
import type { SettingsRow } from '../../schemas/records/settings-rows.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import { TIMESTAMP_ZERO } from '../../schemas/timestamp.ts';

export type AcceptorState = {
  readonly promised?: Timestamp;
  readonly decided?: DecidedRow;
  readonly accepted?: UndecidedRow;
};

export function headOf({ decided }: AcceptorState): Timestamp {
  return decided?.row.timestamp ?? TIMESTAMP_ZERO;
}

/** A promise is never taken back: the answer shows the one that is in force. */
export function promise(state: AcceptorState, ballot: Timestamp): AcceptorState {
  if (state.promised !== undefined && state.promised >= ballot) return state;
  return { ...state, promised: ballot };
}

/** Takes over what was decided elsewhere; older news change nothing. */
export function learn(state: AcceptorState, decided: DecidedRow): AcceptorState {
  const head = headOf(state);
  const { timestamp } = decided.row;
  if (timestamp < head) return state;
  if (timestamp === head) {
    const known = state.decided?.ancestors.length ?? 0;
    return decided.ancestors.length > known ? { ...state, decided } : state;
  }
  const { accepted, ...rest } = state;
  const isOpen = accepted?.base === timestamp;
  return { ...rest, decided, ...(isOpen ? { accepted } : {}) };
}

export type Acceptance = { readonly state: AcceptorState; readonly isAccepted: boolean };

export function accept(
  before: AcceptorState,
  proposal: {
    readonly ballot: Timestamp;
    readonly row: SettingsRow;
    readonly base?: DecidedRow | undefined;
  },
): Acceptance {
  const { ballot, row } = proposal;
  const state = proposal.base === undefined ? before : learn(before, proposal.base);
  // It was decided meanwhile: this replica holds more than an acceptance.
  if (headOf(state) === row.timestamp) return { state, isAccepted: true };
  const base = proposal.base?.row.timestamp ?? TIMESTAMP_ZERO;
  const isPromised = state.promised !== undefined && state.promised > ballot;
  if (isPromised || headOf(state) !== base) return { state, isAccepted: false };
  return {
    state: { ...state, promised: ballot, accepted: { ballot, base, row } },
    isAccepted: true,
  };
}
