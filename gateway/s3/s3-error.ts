/**
 * Every refusal the S3 door can give: its code, its HTTP status and its sentence.
 *
 * Owns:          the table code → status and default message; the one class thrown on purpose.
 * Knows:         the error codes of Amazon S3 ("Error responses", API reference).
 * Must not know: XML, routing, who throws.
 *
 * A code that is not in the table does not compile. Clients should branch on code and status, and
 * some branch on the sentence all the same: those of codes that clients meet are worded as AWS's.
 * A thrower replaces one where it knows more, and must not put into it what the client has no right
 * to know (another tenant's names, a secret).
 */
import type { ReplyHeaders } from '../http/exchange.ts';

type Entry = readonly [status: number, message: string];

const NOT_CONFIGURED = 404;

/** Who is asking, and may they: signatures, credentials, permissions. */
const accessErrors = {
  AccessControlListNotSupported: [400, 'The bucket does not allow ACLs'],
  AccessDenied: [403, 'Access Denied'],
  AccessForbidden: [403, 'Access forbidden.'],
  AccountProblem: [403, 'There is a problem with this account.'],
  AllAccessDisabled: [403, 'All access to this resource has been disabled.'],
  AuthorizationHeaderMalformed: [400, 'The Authorization header is malformed.'],
  AuthorizationQueryParametersError: [400, 'The signature parameters of the query are invalid.'],
  CredentialsNotSupported: [400, 'This request does not support credentials.'],
  CrossLocationLoggingProhibited: [403, 'Logging to a bucket of another location is not allowed.'],
  ExpiredToken: [400, 'The given security token has expired.'],
  InvalidAccessKeyId: [403, 'The AWS Access Key Id you provided does not exist in our records.'],
  InvalidAccessPoint: [400, 'The access point name or account is not valid.'],
  InvalidPayer: [403, 'Access to this object has been disabled.'],
  InvalidSecurity: [403, 'The given credentials are not valid.'],
  InvalidToken: [400, 'The given security token is malformed or otherwise invalid.'],
  MissingAuthenticationToken: [403, 'The request was not signed.'],
  MissingSecurityHeader: [400, 'The request lacks a header it needs.'],
  NotSignedUp: [403, 'This account is not signed up for the service.'],
  QuotaExceeded: [403, 'This write would exceed the quota of the bucket.'],
  RequestTimeTooSkewed: [
    403,
    "The difference between the request time and the server's time is too large.",
  ],
  SignatureDoesNotMatch: [
    403,
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  ],
  TokenCodeInvalidError: [400, 'The given token code is not valid.'],
  TokenRefreshRequired: [400, 'The given token must be refreshed.'],
  UnauthorizedAccess: [403, 'This region cannot be used with these credentials.'],
} as const satisfies Record<string, Entry>;

/** The body of the request, its length, digests and encoding. */
const bodyErrors = {
  BadDigest: [
    400,
    'The Content-MD5 or checksum value that you specified did not match what the server received.',
  ],
  BadRequest: [400, 'The request is not valid.'],
  ChecksumMismatch: [400, 'The given checksum does not match what was received.'],
  EntityTooLarge: [400, 'Your proposed upload exceeds the maximum allowed object size.'],
  EntityTooSmall: [400, 'Your proposed upload is smaller than the minimum allowed object size.'],
  IncompleteBody: [
    400,
    'You did not provide the number of bytes specified by the Content-Length HTTP header.',
  ],
  IncorrectNumberOfFilesInPostRequest: [400, 'A POST upload needs exactly one file.'],
  InlineDataTooLarge: [400, 'The inline data is larger than the largest size allowed.'],
  InvalidDigest: [400, 'The Content-MD5 or checksum value that you specified is not valid.'],
  InvalidJSON: [400, 'The JSON of the request is not valid.'],
  InvalidPolicyDocument: [400, 'The form does not meet the conditions of its policy document.'],
  MalformedACLError: [400, 'The XML is not well formed or not a valid access control list.'],
  MalformedPOSTRequest: [400, 'The body is not well-formed multipart/form-data.'],
  MalformedPolicy: [400, 'The policy is not a valid policy document.'],
  MalformedTrailerError: [
    400,
    'The trailer of the body is malformed or is not what the x-amz-trailer header announced.',
  ],
  MalformedXML: [
    400,
    'The XML you provided was not well-formed or did not validate against our published schema',
  ],
  MaxMessageLengthExceeded: [400, 'The request is too large.'],
  MaxPostPreDataLengthExceeded: [400, 'The form fields before the file are too large.'],
  MissingContentLength: [411, 'You must provide the Content-Length HTTP header.'],
  MissingRequestBodyError: [400, 'Request body is empty.'],
  RequestIsNotMultiPartContent: [415, 'A bucket POST must be multipart/form-data.'],
  UnexpectedContent: [400, 'This request does not take a body.'],
  UserKeyMustBeSpecified: [400, 'The form needs a field named key.'],
  XAmzContentChecksumMismatch: [400, 'The given checksum does not match what was received.'],
  XAmzContentSHA256Mismatch: [
    400,
    'The provided x-amz-content-sha256 header does not match what was computed.',
  ],
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
  InvalidArgument: [400, 'Invalid Argument'],
  InvalidBucketAclWithObjectOwnership: [400, 'The access control list contradicts the ownership.'],
  InvalidBucketName: [400, 'The specified bucket is not valid.'],
  InvalidBucketOwnerAWSAccountID: [400, 'The expected bucket owner is not valid.'],
  InvalidBucketState: [409, 'The request is not valid for the current state of the bucket.'],
  InvalidEncryptionAlgorithmError: [400, 'The encryption algorithm is not valid.'],
  InvalidHostHeader: [400, 'The Host header is not valid.'],
  InvalidHttpMethod: [400, 'The HTTP method is not valid.'],
  InvalidLocationConstraint: [400, 'The location constraint is not valid.'],
  InvalidObjectName: [400, 'The object name is not valid.'],
  InvalidObjectState: [403, 'The operation is not possible in the storage class of this object.'],
  InvalidPart: [
    400,
    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
  ],
  InvalidPartNumber: [416, 'The requested partnumber is not satisfiable'],
  InvalidPartOrder: [
    400,
    'The list of parts was not in ascending order. Parts must be ordered by part number.',
  ],
  InvalidRange: [416, 'The requested range is not satisfiable'],
  InvalidRedirectLocation: [
    400,
    "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
  ],
  InvalidRegion: [403, 'The region is not valid.'],
  InvalidRequest: [400, 'Invalid Request'],
  InvalidRetentionPeriod: [400, 'The retention period is not valid.'],
  InvalidStorageClass: [400, 'The storage class you specified is not valid'],
  InvalidTag: [400, 'A tag is not valid.'],
  InvalidTargetBucketForLogging: [400, 'The target bucket for logging is not valid.'],
  InvalidURI: [400, "Couldn't parse the specified URI."],
  InvalidWriteOffset: [400, 'The write offset is not valid.'],
  KeyTooLongError: [400, 'Your key is too long'],
  MetadataTooLarge: [400, 'Your metadata headers exceed the maximum allowed metadata size'],
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
  NoSuchBucket: [404, 'The specified bucket does not exist'],
  NoSuchBucketPolicy: [NOT_CONFIGURED, 'The bucket policy does not exist'],
  NoSuchConfiguration: [NOT_CONFIGURED, 'The specified configuration does not exist.'],
  NoSuchCORSConfiguration: [NOT_CONFIGURED, 'The CORS configuration does not exist'],
  NoSuchKey: [404, 'The specified key does not exist.'],
  NoSuchLifecycleConfiguration: [NOT_CONFIGURED, 'The lifecycle configuration does not exist'],
  NoSuchObjectLockConfiguration: [
    NOT_CONFIGURED,
    'The specified object does not have a ObjectLock configuration',
  ],
  NoSuchPublicAccessBlockConfiguration: [
    NOT_CONFIGURED,
    'The public access block configuration was not found',
  ],
  NoSuchTagSet: [NOT_CONFIGURED, 'The TagSet does not exist'],
  NoSuchTagSetError: [NOT_CONFIGURED, 'There are no tags.'],
  NoSuchUpload: [
    404,
    'The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  ],
  NoSuchVersion: [404, 'The specified version does not exist.'],
  NoSuchWebsiteConfiguration: [
    NOT_CONFIGURED,
    'The specified bucket does not have a website configuration',
  ],
  ObjectLockConfigurationNotFoundError: [
    NOT_CONFIGURED,
    'Object Lock configuration does not exist for this bucket',
  ],
  OwnershipControlsNotFoundError: [NOT_CONFIGURED, 'The bucket ownership controls were not found'],
  ReplicationConfigurationNotFoundError: [
    NOT_CONFIGURED,
    'The replication configuration was not found',
  ],
  ServerSideEncryptionConfigurationNotFoundError: [
    NOT_CONFIGURED,
    'The server side encryption configuration was not found',
  ],
} as const satisfies Record<string, Entry>;

/** The request is right, but not now, or not in this state. */
const stateErrors = {
  BucketAlreadyExists: [
    409,
    'The requested bucket name is not available. Please select a different name and try again.',
  ],
  BucketAlreadyOwnedByYou: [
    409,
    'Your previous request to create the named bucket succeeded and you already own it.',
  ],
  BucketNotEmpty: [409, 'The bucket you tried to delete is not empty'],
  ConditionalRequestConflict: [409, 'A concurrent request decided the condition first. Try again.'],
  IdempotencyException: [409, 'The request was made before with other parameters.'],
  KeyAlreadyExists: [409, 'The key exists already.'],
  MethodNotAllowed: [405, 'The specified method is not allowed against this resource.'],
  NotDeviceOwnerError: [400, 'The device that made the token is not owned by this account.'],
  NotImplemented: [501, 'A header you provided implies functionality that is not implemented'],
  ObjectAlreadyInActiveTierError: [403, 'The object is in the active tier already.'],
  OperationAborted: [409, 'A conflicting operation on this resource is in progress. Try again.'],
  PreconditionFailed: [412, 'At least one of the pre-conditions you specified did not hold'],
  RestoreAlreadyInProgress: [409, 'The object is being restored already.'],
  TooManyBuckets: [400, 'There are more buckets than allowed.'],
  TooManyParts: [400, 'There are more parts than allowed.'],
} as const satisfies Record<string, Entry>;

/** Our side of it. */
const serverErrors = {
  Busy: [503, 'The service is busy. Try again later.'],
  InsufficientStorage: [507, 'There is not enough free space to store this.'],
  InternalError: [500, 'We encountered an internal error. Please try again.'],
  RequestTimeout: [400, 'The connection was not read from or written to within the time limit.'],
  ServerTimeout: [503, 'The request was not answered in time. Try again.'],
  ServiceUnavailable: [503, 'The service is not available. Try again later.'],
  SlowDown: [503, 'Please reduce your request rate.'],
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
