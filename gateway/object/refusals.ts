/**
 * What the actors' refusals mean to a client of the S3 door.
 *
 * Owns:          the mapping from an answer that is not the one hoped for to an S3 error.
 * Knows:         the answers of tables and blocks; S3's codes.
 * Must not know: which operation was under way.
 *
 * An unknown outcome is 503, never success and never "failed for good": a write answered so may
 * still appear. `damaged` is 500: asking again finds the same bytes.
 */
import type { BlockAnswer } from '../../bus/block-client.ts';
import type { NoLockChanges, ObjectWriteAnswer } from '../../bus/object-writes.ts';
import { S3Error } from '../s3/s3-error.ts';

/** The S3 error for a row request that was not answered as hoped. */
export function tableRefusal(answer: ObjectWriteAnswer | NoLockChanges): S3Error {
  switch (answer.kind) {
    case 'bucket-closed':
      return new S3Error('NoSuchBucket');
    case 'quota-exceeded':
      return new S3Error('QuotaExceeded');
    case 'no-such-upload':
      return new S3Error('NoSuchUpload');
    case 'condition-failed':
      return new S3Error(answer.because === 'absent' ? 'NoSuchKey' : 'PreconditionFailed');
    case 'no-conditions':
      return new S3Error('NotImplemented', {
        message: 'A cluster with several copies does not decide conditions of writes yet.',
      });
    case 'no-lock-changes':
      return new S3Error('NotImplemented', {
        message: 'A cluster with several copies does not change locks of versions yet.',
      });
    case 'version-locked':
      if (answer.because === 'held') return lockRefusal();
      return new S3Error('ServiceUnavailable', { cause: new Error('the clock is in doubt') });
    case 'no-space':
      return new S3Error('InsufficientStorage');
    case 'overloaded':
      return new S3Error('SlowDown');
    case 'unknown':
    case 'unavailable':
    case 'deadline-passed':
    case 'aborted':
    case 'older':
    case 'stamp-ahead':
    case 'stale-layout':
      return new S3Error('ServiceUnavailable', { cause: new Error(`row: ${answer.kind}`) });
    default:
      return new S3Error('InternalError', { cause: new Error(`row: ${answer.kind}`) });
  }
}

function lockRefusal(): S3Error {
  return new S3Error('AccessDenied', {
    message: 'Access Denied because object protected by object lock.',
  });
}

/** The S3 error for a block that could not be stored, referenced or read. */
export function blockRefusal(answer: BlockAnswer): S3Error {
  switch (answer.kind) {
    case 'no-space':
      return new S3Error('InsufficientStorage');
    case 'overloaded':
      return new S3Error('SlowDown');
    case 'unknown':
    case 'unavailable':
    case 'deadline-passed':
    case 'stale-layout':
      return new S3Error('ServiceUnavailable', { cause: new Error(`block: ${answer.kind}`) });
    default:
      return new S3Error('InternalError', { cause: new Error(`block: ${answer.kind}`) });
  }
}
