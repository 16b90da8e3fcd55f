/**
 * The S3 door: from an HTTP request to its answer.
 *
 * Owns:          the order of the checks, each done once and here: target, signature, key, bucket,
 *                permission, and only then the operation; the headers and the log line of every
 *                answer.
 * Knows:         the route table, the directory, the authoriser.
 * Must not know: what an operation does, and by what it is allowed.
 *
 * Without a key nobody learns whether a bucket or an object exists: an anonymous request for what
 * is not public is refused in the same words, and no object is looked up for it. Everything that
 * the directory remembers is answered without a turn of the event loop: `chain` goes on at once
 * where there is nothing to wait for.
 */
import { assert } from '../../schemas/assert.ts';
import type { Randomness } from '../../schemas/environment.ts';
import type { AccessKeyId } from '../../schemas/ids.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { Soon } from '../../schemas/soon.ts';
import { chain } from '../../schemas/soon.ts';
import { Authoriser } from '../auth/authoriser.ts';
import type { Authenticated, AuthenticateOptions } from '../auth/signature-v4.ts';
import { authenticate } from '../auth/signature-v4.ts';
import { SigningKeys } from '../auth/signing-keys.ts';
import { corsHeaders } from '../cors/cors-match.ts';
import type { HttpHandler, HttpReply, HttpRequest } from '../http/exchange.ts';
import type { Refusal } from '../http/head-rules.ts';
import type { RefusalRenderer } from '../http/http-core.ts';
import { RequestIds } from '../http/request-ids.ts';
import { claimedKey } from './cors-preflight.ts';
import { checkExpectedOwner } from './expected-owner.ts';
import { RequestLog, type AnswerListener, type RequestRecord } from './request-log.ts';
import { parseParameters, TargetReader, type RequestTarget } from './request-target.ts';
import type { Access, Caller, QueryParameters, S3Call, S3Services } from './s3-call.ts';
import { asS3Error, errorReply } from './s3-error-reply.ts';
import { S3Error, type S3ErrorCode } from './s3-error.ts';
import type { Operation } from './s3-operation.ts';
import { s3Operations } from './s3-operations.ts';
import { S3Router } from './s3-router.ts';

export type S3DoorOptions = Omit<S3Services, 'authoriser'> & {
  readonly random: Randomness;
  /** Whether buckets may be created with internationalised names (`xn--…`). */
  readonly punycode: 'allowed' | 'refused';
  readonly answered?: AnswerListener;
};

export type S3Door = {
  readonly handler: HttpHandler;
  /** Renders what the HTTP server refuses by itself. */
  readonly refuse: RefusalRenderer;
};

export function makeS3Door(options: S3DoorOptions): S3Door {
  const door = new Door(options);
  return {
    handler: request => door.handle(request),
    refuse: (refusal, request) => door.refuse(refusal, request),
  };
}

const HOST_ID_BYTES = 24;

const REFUSAL_CODES: Readonly<Record<Refusal['reason'], S3ErrorCode>> = {
  'bad-request': 'BadRequest',
  'not-implemented': 'NotImplemented',
  'head-too-large': 'RequestHeaderSectionTooLarge',
  method: 'MethodNotAllowed',
};

/** A request whose target and signature were read. */
type Signed = {
  readonly record: RequestRecord;
  readonly target: RequestTarget;
  readonly query: QueryParameters;
  readonly operation: Operation;
  readonly auth: Authenticated;
};

/** Who asks, and what was decided about it. */
type Permitted = { readonly caller: Caller | undefined; readonly access: Access };
const NOBODY: Permitted = { caller: undefined, access: 'allowed' };

type Key = { readonly name: string; readonly canCreateBucket: boolean };

class Door {
  readonly #services: S3Services;
  readonly #log: RequestLog;
  readonly #ids: RequestIds;
  readonly #targets: TargetReader;
  readonly #router: S3Router;
  readonly #hostId: string;
  readonly #hostIdHeader: readonly [name: string, value: string];
  readonly #authentication: Pick<AuthenticateOptions, 'region' | 'signingKeys' | 'findSecret'>;

  constructor(options: S3DoorOptions) {
    const { region, rootDomain, directory, random, punycode, log, clock } = options;
    this.#services = { ...options, authoriser: new Authoriser(clock) };
    this.#log = new RequestLog(log, clock, options.answered ?? (() => undefined));
    this.#ids = new RequestIds(random);
    this.#targets = new TargetReader(rootDomain);
    this.#router = new S3Router(s3Operations({ punycode }));
    this.#hostId = random.bytes(HOST_ID_BYTES).toString('base64');
    this.#hostIdHeader = ['x-amz-id-2', this.#hostId];
    this.#authentication = {
      region,
      signingKeys: new SigningKeys(),
      findSecret: accessKeyId => directory.secretOf(accessKeyId),
    };
  }

  handle(http: HttpRequest): Soon<HttpReply> {
    const record = this.#open(http);
    try {
      const reply = this.#answer(record);
      if (!(reply instanceof Promise)) return this.#finish(record, reply);
      return reply.then(
        done => this.#finish(record, done),
        (thrown: unknown) => this.#failInBucket(record, thrown),
      );
    } catch (thrown) {
      return this.#failInBucket(record, thrown);
    }
  }

  refuse({ reason, detail }: Refusal, http: HttpRequest): HttpReply {
    const record = this.#open(http);
    return this.#fail(record, new S3Error(REFUSAL_CODES[reason], { message: detail }));
  }

  #open(http: HttpRequest): RequestRecord {
    return {
      requestId: this.#ids.next(),
      http,
      startedMs: this.#services.clock.monotonicMs(),
      operation: '-',
      bucketName: undefined,
      bucket: undefined,
      accessKeyId: undefined,
    };
  }

  #answer(record: RequestRecord): Soon<HttpReply> {
    const { http } = record;
    const target = this.#targets.read(http.rawPath, http.headers.get('host'));
    if (target.place !== 'service') record.bucketName = target.bucketName;
    const query = parseParameters(http.rawQuery);
    const operation = this.#router.route(http.method, target.place, query);
    record.operation = operation.name;
    // A preflight request is never signed, and what it asks is the same for everyone.
    if (operation.permission === 'none') {
      const auth: Authenticated = { kind: 'anonymous', effectiveHeaders: http.headers };
      return this.#run({ record, target, query, operation, auth }, NOBODY, undefined);
    }
    if (operation.permission === 'form') {
      const auth: Authenticated = { kind: 'anonymous', effectiveHeaders: http.headers };
      return this.#runForm({ record, target, query, operation, auth });
    }
    const { region, signingKeys, findSecret } = this.#authentication;
    const nowMs = this.#services.clock.wallMs();
    const options = { region, service: 's3', nowMs, signingKeys, findSecret } as const;
    return chain(authenticate(http, options), auth =>
      this.#authorise({ record, target, query, operation, auth }),
    );
  }

  /** Whose form it is stands in its body; a page reads the answer if the bucket's rules let it. */
  async #runForm(signed: Signed): Promise<HttpReply> {
    const { record } = signed;
    const reply = await this.#run(signed, NOBODY, undefined);
    if (record.bucketName !== undefined && record.http.headers.get('origin') !== undefined) {
      record.bucket = await this.#findBucket(record, record.bucketName);
    }
    return reply;
  }

  #authorise(signed: Signed): Soon<HttpReply> {
    const { auth, record } = signed;
    if (auth.kind === 'anonymous') return this.#find(signed, undefined, undefined);
    record.accessKeyId = auth.accessKeyId;
    return chain(this.#services.directory.keyOf(auth.accessKeyId), key => {
      // It was there when its secret was read: deleted in between.
      if (key === undefined) throw new S3Error('InvalidAccessKeyId');
      const accessKeyId = auth.accessKeyId as AccessKeyId;
      return this.#find(signed, key, { accessKeyId, keyName: key.name });
    });
  }

  #find(signed: Signed, key: Key | undefined, caller: Caller | undefined): Soon<HttpReply> {
    const { operation, target } = signed;
    const { scope } = operation;
    if (target.place === 'service' || scope === 'service' || scope === 'name') {
      return this.#permit(signed, { key, caller, bucket: undefined });
    }
    const { bucketName } = target;
    const found = this.#services.directory.resolveBucket(bucketName, caller?.accessKeyId);
    return chain(found, bucket => {
      if (bucket === undefined && caller !== undefined) {
        throw new S3Error('NoSuchBucket', { fields: { BucketName: bucketName } });
      }
      return this.#permit(signed, { key, caller, bucket });
    });
  }

  #permit(
    signed: Signed,
    who: {
      readonly key: Key | undefined;
      readonly caller: Caller | undefined;
      readonly bucket: BucketRow | undefined;
    },
  ): Soon<HttpReply> {
    const { caller, bucket } = who;
    const { record } = signed;
    record.bucket = bucket;
    const access = this.#accessOf(signed, who);
    if (access === 'denied') throw new S3Error('AccessDenied');
    if (bucket !== undefined) checkExpectedOwner(signed.auth.effectiveHeaders, bucket);
    return this.#run(signed, { caller, access }, bucket);
  }

  #accessOf(
    { operation, target, record, query, auth }: Signed,
    {
      key,
      caller,
      bucket,
    }: {
      readonly key: Key | undefined;
      readonly caller: Caller | undefined;
      readonly bucket: BucketRow | undefined;
    },
  ): Access | 'denied' {
    const { permission, decidedBy, versionAction } = operation;
    // With a policy one entry may be allowed and the next one not: the handler asks for each.
    const isLater = decidedBy === 'entries' || decidedBy === 'document';
    if (isLater && bucket?.policy !== undefined) return 'allowed';
    const isVersioned = versionAction !== undefined && query.has('versionId');
    const request = {
      permission,
      action: isVersioned ? versionAction : operation.action,
      key:
        key && caller
          ? { accessKeyId: caller.accessKeyId, canCreateBuckets: key.canCreateBucket }
          : undefined,
      bucket,
      objectKey: target.place === 'object' ? target.key : undefined,
    };
    const { authoriser } = this.#services;
    const scene = { http: record.http, headers: auth.effectiveHeaders, query, auth };
    const verdict = authoriser.decide(request, scene);
    if (verdict === 'by-object') {
      return decidedBy === 'object' ? { permission, action: request.action } : 'denied';
    }
    if (verdict === 'denied' || bucket?.policy === undefined) return verdict;
    return authoriser.decideHeaders(request, scene);
  }

  #run(
    { record, target, query, operation, auth }: Signed,
    { caller, access }: Permitted,
    bucket: BucketRow | undefined,
  ): Soon<HttpReply> {
    const { effectiveHeaders: headers } = auth;
    const { requestId, http } = record;
    const isCopy =
      operation.copyVariant !== undefined && headers.get('x-amz-copy-source') !== undefined;
    const chosen = isCopy ? operation.copyVariant : operation;
    record.operation = chosen.name;
    const services = this.#services;
    // Written out for the operations that matter: spreading one object into the next is not free.
    if (chosen.scope === 'object' && target.place === 'object' && bucket !== undefined) {
      const { bucketName, key } = target;
      return chosen.handler(
        { requestId, http, headers, query, auth, caller, access, bucketName, bucket, key },
        services,
      );
    }
    const call: S3Call = { requestId, http, headers, query, auth, caller, access };
    if (chosen.scope === 'service') return chosen.handler(call, services);
    assert(target.place !== 'service', 'the router knows what a service has');
    const { bucketName } = target;
    if (chosen.scope === 'name') return chosen.handler({ ...call, bucketName }, services);
    assert(chosen.scope === 'bucket' && bucket !== undefined, 'the bucket was found');
    return chosen.handler({ ...call, bucketName, bucket }, services);
  }

  /** A page reads why it was refused only if the bucket's rules let it: they are looked up. */
  #failInBucket(record: RequestRecord, thrown: unknown): Soon<HttpReply> {
    const { bucket, bucketName, http } = record;
    const isKnown = bucket !== undefined || bucketName === undefined;
    if (isKnown || http.headers.get('origin') === undefined || http.method === 'OPTIONS') {
      return this.#fail(record, thrown);
    }
    return this.#findBucket(record, bucketName).then(found => {
      record.bucket = found;
      return this.#fail(record, thrown);
    });
  }

  /** Never rejects: the refusal comes first, whatever becomes of this. */
  async #findBucket(record: RequestRecord, name: string): Promise<BucketRow | undefined> {
    try {
      const accessKeyId = record.accessKeyId ?? claimedKey(parseParameters(record.http.rawQuery));
      return await this.#services.directory.resolveBucket(name, accessKeyId as AccessKeyId);
    } catch {
      return undefined;
    }
  }

  #fail(record: RequestRecord, thrown: unknown): HttpReply {
    const error = asS3Error(thrown);
    const { requestId, http } = record;
    const scene = { method: http.method, resource: http.rawPath, requestId, hostId: this.#hostId };
    return this.#finish(record, errorReply(error, scene), error);
  }

  #finish(record: RequestRecord, reply: HttpReply, error?: S3Error): HttpReply {
    const { status, body } = reply;
    const headers = [
      ['x-amz-request-id', record.requestId] as const,
      this.#hostIdHeader,
      ...reply.headers,
    ];
    const cors = record.bucket?.cors;
    if (cors !== undefined)
      headers.push(...corsHeaders(cors, record.http.method, record.http.headers));
    const told = body === undefined ? { status, headers } : { status, headers, body };
    return this.#log.finish(record, told, error);
  }
}
