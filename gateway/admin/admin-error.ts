/**
 * Every refusal of the admin operations: its code, its HTTP status, its body.
 *
 * Owns:          the table code → status; the one class thrown on purpose.
 * Knows:         the codes and the body of Garage's admin API.
 * Must not know: which operation failed.
 *
 * The message starts as Garage's do ("Bad request: …"), since scripts look for that; the sentence
 * after it is our own and names the next step where there is one.
 */
import type { HttpReply } from '../http/exchange.ts';

const STATUS = {
  InvalidRequest: 400,
  AccessDenied: 403,
  NoSuchBucket: 404,
  NoSuchAccessKey: 404,
  NoSuchKey: 404,
  BucketAlreadyExists: 409,
  BucketNotEmpty: 409,
  KeyAlreadyExists: 409,
  PayloadTooLarge: 413,
  InternalError: 500,
  ServiceUnavailable: 503,
} as const satisfies Record<string, number>;

export type AdminErrorCode = keyof typeof STATUS;

/** What an error looks like to a client of either door. */
export type AdminErrorBody = {
  readonly code: string;
  readonly message: string;
  readonly region: string;
  readonly path: string;
};

export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly code: AdminErrorCode;

  constructor(code: AdminErrorCode, message: string) {
    super(message);
    this.code = code;
  }

  get status(): number {
    return STATUS[this.code];
  }

  body(region: string, path: string): AdminErrorBody {
    return { code: this.code, message: this.message, region, path };
  }
}

export function badRequest(sentence: string): AdminError {
  return new AdminError('InvalidRequest', `Bad request: ${sentence}`);
}

export function forbidden(sentence: string): AdminError {
  return new AdminError('AccessDenied', `Forbidden: ${sentence}`);
}

export function bucketNotFound(name: string): AdminError {
  return new AdminError('NoSuchBucket', `Bucket not found: ${name}`);
}

export function keyNotFound(name: string): AdminError {
  return new AdminError('NoSuchAccessKey', `Access key not found: ${name}`);
}

export function internalError(sentence: string): AdminError {
  return new AdminError('InternalError', `Internal error: ${sentence}`);
}

const EVERY_ORIGIN = ['access-control-allow-origin', '*'] as const;

/** A JSON answer of the admin door. */
export function jsonReply(status: number, value: unknown): HttpReply {
  return {
    status,
    headers: [['content-type', 'application/json'], EVERY_ORIGIN],
    body: { kind: 'bytes', bytes: JSON.stringify(value) },
  };
}
