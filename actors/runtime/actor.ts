/**
 * What every actor is: something that receives requests and answers each exactly once.
 *
 * Owns:          the contract between an actor and whoever carries messages to it.
 * Knows:         deadlines in monotonic time of this machine.
 * Must not know: how messages travel.
 *
 * An answer is a value or a promise of one; `receive` never throws and its promise never rejects.
 * Callers that are in a hurry look whether they got a promise: hot reads answer at once.
 * A request whose deadline passed while it waited is answered `deadline-passed`, never executed.
 */
import type { RequestContext } from '../../bus/bus.ts';

export interface Actor<Request, Reply> {
  receive(request: Request, context: RequestContext): Reply | Promise<Reply>;
}
