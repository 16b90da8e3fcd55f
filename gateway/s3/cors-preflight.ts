/**
 * OPTIONS: the question of a browser before it sends a request of another origin.
 *
 * Owns:          the answer, which is no: buckets have no CORS configuration.
 * Knows:         S3's answers ("Troubleshooting CORS").
 * Must not know: buckets; the answer is the same for one that does not exist.
 */
import type { S3Call, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

/** @throws S3Error BadRequest when it is no preflight request; AccessForbidden otherwise. */
export const preflight: S3Handler<S3Call> = ({ http }) => {
  if (http.headers.get('origin') === undefined) {
    throw new S3Error('BadRequest', { message: 'A preflight request needs the header Origin.' });
  }
  if (http.headers.get('access-control-request-method') === undefined) {
    throw new S3Error('BadRequest', {
      message: 'A preflight request needs the header Access-Control-Request-Method.',
    });
  }
  throw new S3Error('AccessForbidden', { message: 'CORS is not enabled for this bucket.' });
};
