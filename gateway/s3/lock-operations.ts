/**
 * The rows of the route table that read and change the locks of versions.
 *
 * Owns:          their names, and the right and the action of each.
 * Knows:         the handlers.
 * Must not know: how routes are found.
 */
import {
  getObjectLegalHold,
  getObjectRetention,
  putObjectLegalHold,
  putObjectRetention,
} from './object-retention.ts';
import { built, read, write } from './operation-rows.ts';
import type { Operation } from './s3-operation.ts';

export const lockOperations: readonly Operation[] = [
  built('GetObjectRetention', 'GET object retention', {
    ...read('s3:GetObjectRetention'),
    scope: 'object',
    handler: getObjectRetention,
  }),
  built('PutObjectRetention', 'PUT object retention', {
    ...write('s3:PutObjectRetention'),
    decidedBy: 'document',
    scope: 'object',
    handler: putObjectRetention,
  }),
  built('GetObjectLegalHold', 'GET object legal-hold', {
    ...read('s3:GetObjectLegalHold'),
    scope: 'object',
    handler: getObjectLegalHold,
  }),
  built('PutObjectLegalHold', 'PUT object legal-hold', {
    ...write('s3:PutObjectLegalHold'),
    decidedBy: 'document',
    scope: 'object',
    handler: putObjectLegalHold,
  }),
];
