/**
 * Every refusal the S3 door can give: its code, its HTTP status and its sentence.
 *
 * Owns:          the table code → status and default message; the one class thrown on purpose.
 * Knows:         the error codes of Amazon S3 ("Error responses", API reference).
 * Must not know: XML, routing, who throws.
 *
 * A code that is not in the table does not compile. Clients branch on code and status, never on the
 * sentence, so the sentences are our own; a thrower replaces one where it knows more, and must not
 * put into it what the client has no right to know (another tenant's names, a secret).
 */
import type { ReplyHeaders } from '../http/exchange.ts';

type Entry = readonly [status: number, message: string];

const NOT_CONFIGURED = 404;

/** Who is asking, and may they: signatures, credentials, permissions. */
const accessErrors = {
  AccessControlListNotSupported: [400, 'This bucket does not allow access control lists.'],
  AccessDenied: [403, 'Access denied.'],
  AccessForbidden: [403, 'Access forbidden.'],
  AccountProblem: [403, 'There is a problem with this account.'],
  AllAccessDisabled: [403, 'All access to this resource has been disabled.'],
  AuthorizationHeaderMalformed: [400, 'The Authorization header is malformed.'],
  AuthorizationQueryParametersError: [400, 'The signature parameters of the query are invalid.'],
  CredentialsNotSupported: [400, 'This request does not support credentials.'],
  CrossLocationLoggingProhibited: [403, 'Logging to a bucket of another location is not allowed.'],
  ExpiredToken: [400, 'The given security token has expired.'],
  InvalidAccessKeyId: [403, 'The access key id of the request is not known here.'],
  InvalidAccessPoint: [400, 'The access point name or account is not valid.'],
  InvalidPayer: [403, 'Access to this object has been disabled.'],
  InvalidSecurity: [403, 'The given credentials are not valid.'],
  InvalidToken: [400, 'The given security token is malformed or otherwise invalid.'],
  MissingAuthenticationToken: [403, 'The request was not signed.'],
  MissingSecurityHeader: [400, 'The request lacks a header it needs.'],
  NotSignedUp: [403, 'This account is not signed up for the service.'],
  QuotaExceeded: [403, 'This write would exceed the quota of the bucket.'],
  RequestTimeTooSkewed: [403, 'The times of request and server are too far apart.'],
  SignatureDoesNotMatch: [
    403,
    'The signature of the request is not the one computed here. Check key and signing method.',
  ],
  TokenCodeInvalidError: [400, 'The given token code is not valid.'],
  TokenRefreshRequired: [400, 'The given token must be refreshed.'],
  UnauthorizedAccess: [403, 'This region cannot be used with these credentials.'],
} as const satisfies Record<string, Entry>;

/** The body of the request, its length, digests and encoding. */
const bodyErrors = {
  BadDigest: [400, 'The given digest does not match what was received.'],
  BadRequest: [400, 'The request is not valid.'],
  ChecksumMismatch: [400, 'The given checksum does not match what was received.'],
  EntityTooLarge: [400, 'The upload is larger than the largest size allowed.'],
  EntityTooSmall: [400, 'The upload is smaller than the smallest size allowed.'],
  IncompleteBody: [400, 'The body is not as long as the request said it would be.'],
  IncorrectNumberOfFilesInPostRequest: [400, 'A POST upload needs exactly one file.'],
  InlineDataTooLarge: [400, 'The inline data is larger than the largest size allowed.'],
  InvalidDigest: [400, 'The given Content-MD5 or checksum is not valid.'],
  InvalidJSON: [400, 'The JSON of the request is not valid.'],
  InvalidPolicyDocument: [400, 'The form does not meet the conditions of its policy document.'],
  MalformedACLError: [400, 'The XML is not well formed or not a valid access control list.'],
  MalformedPOSTRequest: [400, 'The body is not well-formed multipart/form-data.'],
  MalformedPolicy: [400, 'The policy is not a valid policy document.'],
  MalformedTrailerError: [
    400,
    'The trailer of the body is malformed or is not what the x-amz-trailer header announced.',
  ],
  MalformedXML: [400, 'The XML of the request is not well formed or not of the published schema.'],
  MaxMessageLengthExceeded: [400, 'The request is too large.'],
  MaxPostPreDataLengthExceeded: [400, 'The form fields before the file are too large.'],
  MissingContentLength: [411, 'The request needs a Content-Length header.'],
  MissingRequestBodyError: [400, 'The request needs a body.'],
  RequestIsNotMultiPartContent: [415, 'A bucket POST must be multipart/form-data.'],
  UnexpectedContent: [400, 'This request does not take a body.'],
  UserKeyMustBeSpecified: [400, 'The form needs a field named key.'],
  XAmzContentChecksumMismatch: [400, 'The given checksum does not match what was received.'],
  XAmzContentSHA256Mismatch: [400, 'The x-amz-content-sha256 header does not match the body.'],
} as const satisfies Record<string, Entry>;

/** Parameters, headers, names. */
const requestErrors = {
  AmbiguousGrantByEmailAddress: [400, 'The e-mail address belongs to more than one account.'],
  ExpressionTooLong: [400, 'The expression is too long.'],
  IllegalLocationConstraintException: [
    400,
    'The location constraint is not that of this endpoint.',
  ],
  IllegalVersioningConfigurationException: [400, 'The versioning configuration is not valid.'],
  IncorrectEndpoint: [400, 'The bucket lies in another region; use the endpoint of that region.'],
  InvalidAddressingHeader: [400, 'The addressing of the request is not valid.'],
  InvalidArgument: [400, 'An argument of the request is not valid.'],
  InvalidBucketAclWithObjectOwnership: [400, 'The access control list contradicts the ownership.'],
  InvalidBucketName: [400, 'The bucket name is not valid.'],
  InvalidBucketOwnerAWSAccountID: [400, 'The expected bucket owner is not valid.'],
  InvalidBucketState: [409, 'The request is not valid for the current state of the bucket.'],
  InvalidEncryptionAlgorithmError: [400, 'The encryption algorithm is not valid.'],
  InvalidHostHeader: [400, 'The Host header is not valid.'],
  InvalidHttpMethod: [400, 'The HTTP method is not valid.'],
  InvalidLocationConstraint: [400, 'The location constraint is not valid.'],
  InvalidObjectName: [400, 'The object name is not valid.'],
  InvalidObjectState: [403, 'The operation is not possible in the storage class of this object.'],
  InvalidPart: [400, 'A part was not found, or its ETag is not the one given.'],
  InvalidPartNumber: [416, 'The part number does not exist.'],
  InvalidPartOrder: [400, 'The parts must be listed in ascending order of their numbers.'],
  InvalidRange: [416, 'The range cannot be satisfied.'],
  InvalidRedirectLocation: [400, 'The redirect must begin with /, http:// or https://.'],
  InvalidRegion: [403, 'The region is not valid.'],
  InvalidRequest: [400, 'The request is not valid.'],
  InvalidRetentionPeriod: [400, 'The retention period is not valid.'],
  InvalidStorageClass: [400, 'The storage class is not valid.'],
  InvalidTag: [400, 'A tag is not valid.'],
  InvalidTargetBucketForLogging: [400, 'The target bucket for logging is not valid.'],
  InvalidURI: [400, 'The URI of the request cannot be decoded.'],
  InvalidWriteOffset: [400, 'The write offset is not valid.'],
  KeyTooLongError: [400, 'The key is too long.'],
  MetadataTooLarge: [400, 'The metadata headers are larger than the largest size allowed.'],
  MissingAttachment: [400, 'An attachment was expected.'],
  PermanentRedirect: [301, 'The bucket must be addressed at another endpoint.'],
  RequestHeaderSectionTooLarge: [400, 'The headers of the request are larger than allowed.'],
  TooManyTags: [400, 'There are more tags than allowed.'],
  UnresolvableGrantByEmailAddress: [400, 'The e-mail address belongs to no account.'],
  UnsupportedArgument: [400, 'The request contained an unsupported argument.'],
  UnsupportedSignature: [400, 'The signature algorithm of the request is not supported.'],
  URITooLong: [414, 'The URI of the request is too long.'],
} as const satisfies Record<string, Entry>;

/** What the request names does not exist. */
const missingErrors = {
  NoSuchAccessGrantError: [404, 'The access grant does not exist.'],
  NoSuchAccessPoint: [404, 'The access point does not exist.'],
  NoSuchBucket: [404, 'The bucket does not exist.'],
  NoSuchBucketPolicy: [NOT_CONFIGURED, 'The bucket has no policy.'],
  NoSuchConfiguration: [NOT_CONFIGURED, 'The configuration does not exist.'],
  NoSuchCORSConfiguration: [NOT_CONFIGURED, 'The bucket has no CORS configuration.'],
  NoSuchKey: [404, 'The key does not exist.'],
  NoSuchLifecycleConfiguration: [NOT_CONFIGURED, 'The bucket has no lifecycle configuration.'],
  NoSuchObjectLockConfiguration: [NOT_CONFIGURED, 'The object has no object lock configuration.'],
  NoSuchPublicAccessBlockConfiguration: [
    NOT_CONFIGURED,
    'The bucket has no public access block configuration.',
  ],
  NoSuchTagSet: [NOT_CONFIGURED, 'The bucket has no tags.'],
  NoSuchTagSetError: [NOT_CONFIGURED, 'There are no tags.'],
  NoSuchUpload: [404, 'The multipart upload does not exist; it may be completed or aborted.'],
  NoSuchVersion: [404, 'The version of the object does not exist.'],
  NoSuchWebsiteConfiguration: [NOT_CONFIGURED, 'The bucket has no website configuration.'],
  ObjectLockConfigurationNotFoundError: [
    NOT_CONFIGURED,
    'The bucket has no object lock configuration.',
  ],
  OwnershipControlsNotFoundError: [NOT_CONFIGURED, 'The bucket has no ownership controls.'],
  ReplicationConfigurationNotFoundError: [
    NOT_CONFIGURED,
    'The bucket has no replication configuration.',
  ],
  ServerSideEncryptionConfigurationNotFoundError: [
    NOT_CONFIGURED,
    'The bucket has no encryption configuration.',
  ],
} as const satisfies Record<string, Entry>;

/** The request is right, but not now, or not in this state. */
const stateErrors = {
  BucketAlreadyExists: [409, 'The bucket name is taken. Choose another.'],
  BucketAlreadyOwnedByYou: [409, 'The bucket exists already and belongs to you.'],
  BucketNotEmpty: [409, 'The bucket is not empty.'],
  ConditionalRequestConflict: [409, 'A concurrent request decided the condition first. Try again.'],
  IdempotencyException: [409, 'The request was made before with other parameters.'],
  KeyAlreadyExists: [409, 'The key exists already.'],
  MethodNotAllowed: [405, 'The method is not allowed on this resource.'],
  NotDeviceOwnerError: [400, 'The device that made the token is not owned by this account.'],
  NotImplemented: [501, 'The request asks for something that is not implemented.'],
  ObjectAlreadyInActiveTierError: [403, 'The object is in the active tier already.'],
  OperationAborted: [409, 'A conflicting operation on this resource is in progress. Try again.'],
  PreconditionFailed: [412, 'A condition given in the request did not hold.'],
  RestoreAlreadyInProgress: [409, 'The object is being restored already.'],
  TooManyBuckets: [400, 'There are more buckets than allowed.'],
  TooManyParts: [400, 'There are more parts than allowed.'],
} as const satisfies Record<string, Entry>;

/** Our side of it. */
const serverErrors = {
  Busy: [503, 'The service is busy. Try again later.'],
  InsufficientStorage: [507, 'There is not enough free space to store this.'],
  InternalError: [500, 'An internal error occurred. Try again.'],
  RequestTimeout: [400, 'The connection was not read from or written to within the time limit.'],
  ServerTimeout: [503, 'The request was not answered in time. Try again.'],
  ServiceUnavailable: [503, 'The service is not available. Try again later.'],
  SlowDown: [503, 'Too many requests. Slow down.'],
} as const satisfies Record<string, Entry>;

/** The whole catalogue: code → status and default sentence. */
export const s3Errors = {
  ...accessErrors,
  ...bodyErrors,
  ...requestErrors,
  ...missingErrors,
  ...stateErrors,
  ...serverErrors,
} as const satisfies Record<string, Entry>;

export type S3ErrorCode = keyof typeof s3Errors;

/** What a thrower adds to a code. */
export type S3ErrorDetail = {
  /** Replaces the default sentence. */
  readonly message?: string;
  /** Further elements of the error document, in this order, e.g. `Region`, `ArgumentName`. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Further headers of the answer, e.g. `retry-after`. */
  readonly headers?: ReplyHeaders;
  /** For the log only; never rendered. */
  readonly cause?: unknown;
};

/** A refusal. The router renders it; nothing else in the S3 door is thrown on purpose. */
export class S3Error extends Error {
  readonly code: S3ErrorCode;
  readonly status: number;
  readonly fields: Readonly<Record<string, string>> | undefined;
  readonly headers: ReplyHeaders;

  constructor(code: S3ErrorCode, detail: S3ErrorDetail = {}) {
    const [status, message] = s3Errors[code];
    super(detail.message ?? message, 'cause' in detail ? { cause: detail.cause } : undefined);
    this.name = 'S3Error';
    this.code = code;
    this.status = status;
    this.fields = detail.fields;
    this.headers = detail.headers ?? [];
  }
}
