/**
 * How the body of a signed request is protected: x-amz-content-sha256, parsed once.
 *
 * Owns:          the payload modes.
 * Knows:         the values AWS documents ("Authenticating Requests: Using the Authorization
 *                Header").
 * Must not know: bodies, signatures.
 *
 * Every consumer branches on this value and never reads the header again: stores whose upload path
 * looked at the header a second time accepted unsigned-trailer bodies without any signature.
 */
import { S3Error } from '../s3/s3-error.ts';

export type PayloadMode =
  /** The body's SHA-256 is signed; `sha256Hex` is in lower case. The body must be checked. */
  | { readonly kind: 'hashed'; readonly sha256Hex: string }
  /** The body is not signed. */
  | { readonly kind: 'unsigned' }
  /** aws-chunked, each chunk signed, and the trailer too when there is one. */
  | { readonly kind: 'streaming-signed'; readonly trailer: boolean }
  /** aws-chunked, chunks unsigned, with a trailer. */
  | { readonly kind: 'streaming-unsigned-trailer' };

export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';

const UNSIGNED: PayloadMode = { kind: 'unsigned' };
const STREAMING_SIGNED: PayloadMode = { kind: 'streaming-signed', trailer: false };
const STREAMING_SIGNED_TRAILER: PayloadMode = { kind: 'streaming-signed', trailer: true };
const STREAMING_UNSIGNED_TRAILER: PayloadMode = { kind: 'streaming-unsigned-trailer' };

const SHA256_HEX_CHARACTERS = 64;

/** @throws S3Error InvalidArgument for any other value. */
export function parsePayloadMode(contentSha256: string): PayloadMode {
  switch (contentSha256) {
    case UNSIGNED_PAYLOAD:
      return UNSIGNED;
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return STREAMING_SIGNED;
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return STREAMING_SIGNED_TRAILER;
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return STREAMING_UNSIGNED_TRAILER;
    default:
      if (isSha256Hex(contentSha256)) {
        return { kind: 'hashed', sha256Hex: contentSha256.toLowerCase() };
      }
      throw new S3Error('InvalidArgument', {
        message:
          'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, one of the STREAMING values, ' +
          'or a SHA-256 in hex.',
        fields: { ArgumentName: 'x-amz-content-sha256', ArgumentValue: contentSha256 },
      });
  }
}

function isSha256Hex(text: string): boolean {
  if (text.length !== SHA256_HEX_CHARACTERS) return false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    const isDigit = code >= 0x30 && code <= 0x39;
    const letter = code | 0x20;
    const isHexLetter = letter >= 0x61 && letter <= 0x66 && code < 0x80;
    if (!isDigit && !isHexLetter) return false;
  }
  return true;
}
