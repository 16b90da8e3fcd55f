/**
 * All tables of the conformance suite, in the order in which README shows them.
 *
 * Owns:          the order.
 * Knows:         the tables.
 * Must not know: how they are run.
 */
import { getObject } from './operations/get-object.ts';
import { notOffered } from './operations/not-offered.ts';
import type { OperationTable } from './s3-case.ts';

export const tables: readonly OperationTable[] = [getObject, notOffered];
