/**
 * Who owns blocks, asked of every replica: only all of them together can say that one is dead.
 *
 * Owns:          putting their answers together.
 * Knows:         the messages about owners.
 * Must not know: what becomes of the dead.
 *
 * A replica that says `dead` has marked the owner, and refuses to store it from then on. Once all
 * have, it can never be stored; while one is away it may hold it. `live` at any replica is the
 * truth: the others have missed it so far.
 */
import type { PartitionId } from '../schemas/ids.ts';
import type {
  OwnerAbort,
  OwnersCheck,
  TableReply,
  TableRequest,
} from '../schemas/messages/table.ts';
import { UNAVAILABLE } from './quorum-write.ts';
import type { ReplicaCalls, Unavailable } from './replica-calls.ts';

type OwnerState = Extract<TableReply, { kind: 'owners' }>['states'][number];

/** The answer that one replica would give, if it knew what all of them know. */
export async function askAboutOwners(
  calls: ReplicaCalls<TableRequest, TableReply>,
  partition: PartitionId,
  request: OwnerAbort | OwnersCheck,
): Promise<TableReply | Unavailable> {
  const isAnswer = ({ kind }: TableReply): boolean => kind === 'owners' || kind === 'aborted';
  const replies = await calls.askEvery(partition, request, isAnswer);
  if (!(replies instanceof Map)) return UNAVAILABLE;
  const answers = [...(replies as ReadonlyMap<string, TableReply>).values()];
  if (request.kind === 'owner-abort') {
    return answers.find(({ kind }) => kind === 'owners') ?? { kind: 'aborted' };
  }
  const states = request.owners.map((_, index) => together(answers, index));
  return { kind: 'owners', states };
}

function together(answers: readonly TableReply[], index: number): OwnerState {
  const states = answers.map(answer =>
    answer.kind === 'owners' ? answer.states[index] : undefined,
  );
  if (states.includes('live')) return 'live';
  return states.every(state => state === 'dead') ? 'dead' : 'under-way';
}
