/**
 * What an S3 operation is handed, after authentication and authorisation, and what it may use.
 *
 * Owns:          the shapes between the S3 door and its handlers; no behaviour.
 * Knows:         the parts of the gateway.
 * Must not know: how a request was signed or routed.
 */
import type { BlockClient } from '../../bus/block-client.ts';
import type { TableClient } from '../../bus/table-client.ts';
import type { Clock, Randomness } from '../../schemas/environment.ts';
import type { AccessKeyId, BucketId, ObjectKey } from '../../schemas/ids.ts';
import type {
  BucketRow,
  BucketSettings,
  SettingsChange,
} from '../../schemas/records/bucket-row.ts';
import type { ObjectOwnership } from '../../schemas/records/bucket-settings/access-settings.ts';
import type { LifecycleCalendar } from '../../schemas/lifecycle-calendar.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import type { Tag } from '../../schemas/records/bucket-settings/bucket-tags.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { Authoriser } from '../auth/authoriser.ts';
import type { Permission } from '../auth/permissions.ts';
import type { S3Action } from '../auth/s3-actions.ts';
import type { Authenticated } from '../auth/signature-v4.ts';
import type { HttpReply, HttpRequest, RequestHeaders } from '../http/exchange.ts';
import type { ObjectReader } from '../object/object-reader.ts';
import type { ObjectWriter } from '../object/object-writer.ts';

/** Decoded query parameters; a name without `=` has the empty value. */
export type QueryParameters = ReadonlyMap<string, string>;

export type Caller = { readonly accessKeyId: AccessKeyId; readonly keyName: string };

/** What the handler has to ask again about the object that it finds. */
export type ByObject = { readonly permission: Permission; readonly action: S3Action };
export type Access = 'allowed' | ByObject;

export type S3Call = {
  /** Also in `x-amz-request-id`, the error body and the log. */
  readonly requestId: string;
  readonly http: HttpRequest;
  /** The request's headers, with the signed query parameters that act as headers. */
  readonly headers: RequestHeaders;
  readonly query: QueryParameters;
  readonly auth: Authenticated;
  readonly caller: Caller | undefined;
  readonly access: Access;
  /** The tags in its body, once they were read, where a policy may ask for them. */
  readonly requestTags?: readonly Tag[];
};

export type BucketCall = S3Call & {
  /** As the client wrote it. */
  readonly bucketName: string;
  readonly bucket: BucketRow;
};

export type ObjectCall = BucketCall & { readonly key: ObjectKey };

/** The settings of buckets and keys, as the gateway knows them: cached for some seconds at most. */
export interface DirectoryLookup {
  /** undefined: no such key (or deleted, or expired). Synchronous when it is remembered. */
  secretOf(accessKeyId: string): string | undefined | Promise<string | undefined>;
  /** By local alias of the key, then global alias, then id. Synchronous when remembered. */
  resolveBucket(
    name: string,
    accessKeyId: AccessKeyId | undefined,
  ): BucketRow | undefined | Promise<BucketRow | undefined>;
  keyOf(
    accessKeyId: string,
  ):
    | { readonly name: string; readonly canCreateBucket: boolean }
    | undefined
    | Promise<{ readonly name: string; readonly canCreateBucket: boolean } | undefined>;
  /** What ListBuckets shows a key: each name under which it may see a bucket, in byte order. */
  bucketsOf(
    accessKeyId: AccessKeyId,
  ): Promise<readonly { readonly name: string; readonly createdMs: number }[]>;
  /** CreateBucket over S3; name and settings were checked. */
  createBucket(
    name: string,
    accessKeyId: AccessKeyId,
    settings?: BucketSettings,
  ): Promise<{ readonly kind: 'created' | 'owned-by-you' | 'taken' | 'unavailable' }>;
  /** `under-way`: somebody else's deletion of it is. */
  deleteBucket(bucket: BucketRow): Promise<{
    readonly kind: 'deleted' | 'not-empty' | 'gone' | 'under-way' | 'unavailable';
  }>;
  /** Decides settings that were checked; durable when it answers. `gone`: deleted meanwhile;
   *  `against-lock`: object lock does not allow the change. */
  changeSettings(
    bucket: BucketId,
    change: SettingsChange,
  ): Promise<{ readonly kind: 'changed' | 'gone' | 'against-lock' | 'unavailable' }>;
}

export type S3Services = {
  readonly region: string;
  readonly rootDomain: string | undefined;
  readonly tables: TableClient;
  readonly blocks: BlockClient;
  readonly directory: DirectoryLookup;
  readonly authoriser: Authoriser;
  /** Of new buckets, unless they ask for another. */
  readonly defaultOwnership: ObjectOwnership;
  readonly writer: ObjectWriter;
  readonly reader: ObjectReader;
  readonly stamper: Stamper;
  readonly clock: Clock;
  readonly random: Randomness;
  /** By which lifecycle rules count days. */
  readonly calendar: LifecycleCalendar;
  readonly log: Log;
};

export type S3Handler<Call extends S3Call> = (
  call: Call,
  services: S3Services,
) => HttpReply | Promise<HttpReply>;
