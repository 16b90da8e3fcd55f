/**
 * OPTIONS: the question of a browser before it sends a request of another origin.
 *
 * Owns:          the answer, and whose rules give it.
 * Knows:         S3's answers ("Troubleshooting CORS"); the directory.
 * Must not know: objects; how rules are matched.
 *
 * A preflight carries no signature, so it cannot be known which of its names a key has for a bucket
 * (local aliases), unless the URL is presigned and names the key. A name that means nothing to
 * everybody is therefore answered permissively, as Garage does: the request itself is signed and
 * is judged by the rules of the bucket that it means.
 */
import type { AccessKeyId } from '../../schemas/ids.ts';
import { parseAccessKeyId } from '../../schemas/ids.ts';
import { chain } from '../../schemas/soon.ts';
import type { CorsQuestion } from '../cors/cors-match.ts';
import {
  matchCors,
  permissiveHeaders,
  preflightHeaders,
  readPreflight,
} from '../cors/cors-match.ts';
import type { HttpReply, ReplyHeaders } from '../http/exchange.ts';
import type { QueryParameters, S3Call, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { NamedCall } from './s3-operation.ts';

/** The list of buckets belongs to no bucket and so has no rules: any page may read it, signed. */
export const servicePreflight: S3Handler<S3Call> = call => {
  const question = questionOf(call);
  if (question.method !== 'GET') throw forbidden(question, 'SERVICE', 'Only GET is possible here.');
  return allowed(permissiveHeaders(question));
};

/** Worded as S3 words them, its slip included: tools search for it. */
const NOT_ENABLED = 'CORSResponse: CORS is not enabled for this bucket.';
const NOT_ALLOWED =
  'CORSResponse: This CORS request is not allowed. This is usually because the evalution of ' +
  'Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are ' +
  "not whitelisted by the resource's CORS spec.";

/** What lets a page of any origin read an answer. */
export const ANY_ORIGIN: ReplyHeaders = [['Access-Control-Allow-Origin', '*']];

/** @throws S3Error BadRequest when it is no preflight request; AccessForbidden when no rule allows
 *   it. */
export function preflight(resourceType: 'BUCKET' | 'OBJECT'): S3Handler<NamedCall> {
  return (call, { directory }) => {
    const question = questionOf(call);
    const found = directory.resolveBucket(call.bucketName, claimedKey(call.query));
    return chain(found, bucket => {
      if (bucket === undefined) return allowed(permissiveHeaders(question));
      const { cors } = bucket;
      if (cors === undefined) {
        throw forbidden(question, resourceType, NOT_ENABLED);
      }
      const match = matchCors(cors, question);
      if (match !== undefined) return allowed(preflightHeaders(match, question));
      throw forbidden(question, resourceType, NOT_ALLOWED);
    });
  };
}

/** The key that a presigned URL names; nothing is believed of it but which names it has. */
export function claimedKey(query: QueryParameters): AccessKeyId | undefined {
  const credential = query.get('X-Amz-Credential') ?? '';
  return parseAccessKeyId(credential.slice(0, Math.max(0, credential.indexOf('/'))));
}

function questionOf({ http }: S3Call): CorsQuestion {
  const asked = readPreflight(http.headers);
  if (asked.kind === 'asked') return asked.question;
  throw new S3Error('BadRequest', { message: asked.message });
}

function allowed(headers: ReplyHeaders): HttpReply {
  return { status: 200, headers };
}

function forbidden({ method }: CorsQuestion, resourceType: string, message: string): S3Error {
  return new S3Error('AccessForbidden', {
    message,
    fields: { Method: method, ResourceType: resourceType },
  });
}
