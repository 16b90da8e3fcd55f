/**
 * Asks the decision about requests, with the policy of their bucket read.
 *
 * Owns:          the policies that were read, as long as their buckets' rows are remembered.
 * Knows:         the decision.
 * Must not know: routes, handlers.
 *
 * A policy is stored as the text that was sent, and read once for each row that carries it.
 */
import type { Clock } from '../../schemas/environment.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { Tag } from '../../schemas/records/bucket-settings/bucket-tags.ts';
import type { HttpRequest } from '../http/exchange.ts';
import { S3Error } from '../s3/s3-error.ts';
import { DENY_EVERYTHING, parsePolicy, type Policy } from './bucket-policy.ts';
import { decide, type Permission, type PermissionQuestion, type Verdict } from './permissions.ts';
import type { RequestFacts } from './request-facts.ts';
import type { S3Action } from './s3-actions.ts';

export type AccessRequest = {
  readonly permission: Permission;
  readonly action: S3Action;
  readonly key: PermissionQuestion['key'];
  readonly bucket: BucketRow | undefined;
  readonly objectKey: string | undefined;
};

const NO_PARAMETERS: ReadonlyMap<string, string> = new Map();
const HEADER_ACTIONS: readonly (readonly [header: string, action: S3Action])[] = [
  ['x-amz-acl', 's3:PutObjectAcl'],
  ['x-amz-object-lock-legal-hold', 's3:PutObjectLegalHold'],
  ['x-amz-object-lock-mode', 's3:PutObjectRetention'],
  ['x-amz-tagging', 's3:PutObjectTagging'],
];

export class Authoriser {
  readonly #clock: Clock;
  readonly #policies = new WeakMap<BucketRow, Policy>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  decide(request: AccessRequest, scene: Omit<RequestFacts, 'nowMs'>): Verdict {
    const { permission, action, key, bucket, objectKey } = request;
    const text = bucket?.policy;
    const policy =
      bucket === undefined || text === undefined
        ? undefined
        : { document: this.#policyOf(bucket, text), facts: this.#facts(scene) };
    return decide({ permission, action, key, bucket, objectKey, policy });
  }

  /** What headers of a write ask for beside it, which a policy may allow or deny apart. */
  decideHeaders(request: AccessRequest, scene: Omit<RequestFacts, 'nowMs'>): 'allowed' | 'denied' {
    if (request.action !== 's3:PutObject') return 'allowed';
    // What is new has no tags yet.
    const untagged = { ...scene, existingTags: [] };
    for (const [header, action] of HEADER_ACTIONS) {
      if (scene.headers.get(header) === undefined) continue;
      if (this.decide({ ...request, action }, untagged) !== 'allowed') return 'denied';
    }
    return 'allowed';
  }

  /**
   * A visit to a website: whoever made a bucket one opened its objects to everybody, except what
   * its policy denies.
   *
   * @param existingTags those of the object, once it was looked up.
   * @returns whether the object is to be looked up, to ask again.
   * @throws S3Error AccessDenied.
   */
  checkVisit(
    bucket: BucketRow,
    objectKey: string,
    http: HttpRequest,
    existingTags?: readonly Tag[],
  ): 'allowed' | 'by-object' {
    if (bucket.policy === undefined) return 'allowed';
    const right = { permission: 'website', action: 's3:GetObject' } as const;
    const auth = { kind: 'anonymous', effectiveHeaders: http.headers } as const;
    const scene = {
      ...{ http, headers: http.headers, query: NO_PARAMETERS, auth },
      ...(existingTags && { existingTags }),
    };
    const verdict = this.decide({ ...right, key: undefined, bucket, objectKey }, scene);
    if (verdict === 'denied') throw new S3Error('AccessDenied');
    return verdict;
  }

  #facts({ http, headers, query, auth, ...more }: Omit<RequestFacts, 'nowMs'>): RequestFacts {
    const { isForm, lock, requestTags, existingTags } = more;
    const nowMs = this.#clock.wallMs();
    return {
      ...{ http, headers, query, auth, nowMs },
      ...(isForm === undefined ? {} : { isForm }),
      ...(lock === undefined ? {} : { lock }),
      ...(requestTags === undefined ? {} : { requestTags }),
      ...(existingTags === undefined ? {} : { existingTags }),
    };
  }

  #policyOf(bucket: BucketRow, text: string): Policy {
    const known = this.#policies.get(bucket);
    if (known !== undefined) return known;
    const reading = parsePolicy(text);
    const policy = reading.kind === 'policy' ? reading.policy : DENY_EVERYTHING;
    this.#policies.set(bucket, policy);
    return policy;
  }
}
