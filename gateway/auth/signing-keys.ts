/**
 * Signing keys: secret → date → region → service → key, remembered for the credentials in use.
 *
 * Owns:          the derivation, the bounded memory of derived keys, and the comparison of
 *                signatures in constant time.
 * Knows:         HMAC-SHA256, AWS's key derivation.
 * Must not know: requests.
 *
 * Two generations instead of a linked list: a hit in the young one changes nothing, so the common
 * request pays one map look-up; when the young one is full the old one is forgotten.
 * A remembered key is used only with the secret it was derived from: an id that is deleted and
 * imported again with another secret must not be served by the old one. (Both secrets are ours, so
 * that comparison tells a client nothing.)
 */
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { CredentialScope } from './credential-scope.ts';

/** Derived keys remembered per generation; one serves a client for a day. */
const GENERATION_KEYS_MAX = 2048;
const SIGNATURE_HEX_CHARACTERS = 64;

type Remembered = { readonly secretKey: string; readonly signingKey: KeyObject };

export class SigningKeys {
  #young = new Map<string, Remembered>();
  #old = new Map<string, Remembered>();
  readonly #generationKeysMax: number;

  constructor(generationKeysMax = GENERATION_KEYS_MAX) {
    this.#generationKeysMax = generationKeysMax;
  }

  /** The key that signs for `credential` on its day, in its region and service. */
  signingKey(credential: CredentialScope, secretKey: string): KeyObject {
    const name = credential.text;
    const young = this.#young.get(name);
    if (young?.secretKey === secretKey) return young.signingKey;
    const old = this.#old.get(name);
    const found =
      old?.secretKey === secretKey
        ? old
        : { secretKey, signingKey: deriveSigningKey(credential, secretKey) };
    this.#remember(name, found);
    return found.signingKey;
  }

  /** How many keys are remembered, both generations together. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  #remember(name: string, entry: Remembered): void {
    if (this.#young.size >= this.#generationKeysMax && !this.#young.has(name)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, entry);
  }
}

/** AWS, "Create a signed AWS API request": the chain of four HMACs. */
export function deriveSigningKey(
  { date, region, service }: Pick<CredentialScope, 'date' | 'region' | 'service'>,
  secretKey: string,
): KeyObject {
  const ofDate = hmac(`AWS4${secretKey}`, date);
  const ofRegion = hmac(ofDate, region);
  const ofService = hmac(ofRegion, service);
  return createSecretKey(hmac(ofService, 'aws4_request'));
}

/** The signature of `stringToSign`, in lower-case hex. */
export function signatureOf(stringToSign: string, signingKey: KeyObject): string {
  return createHmac('sha256', signingKey).update(stringToSign).digest('hex');
}

/** Written and read within one call; kept because a signature is compared for every request. */
const expectedBytes = Buffer.alloc(SIGNATURE_HEX_CHARACTERS);
const givenBytes = Buffer.alloc(SIGNATURE_HEX_CHARACTERS);

/** Compares two signatures in time that does not depend on where they differ. */
export function isSameSignature(given: string, expected: string): boolean {
  if (!isSignatureHex(given)) return false;
  expectedBytes.write(expected, 'latin1');
  givenBytes.write(given, 'latin1');
  return timingSafeEqual(givenBytes, expectedBytes);
}

/** 64 digits of lower-case hex, as every signer writes them. */
function isSignatureHex(text: string): boolean {
  if (text.length !== SIGNATURE_HEX_CHARACTERS) return false;
  for (let index = 0; index < SIGNATURE_HEX_CHARACTERS; index++) {
    const code = text.charCodeAt(index);
    const isHex = (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);
    if (!isHex) return false;
  }
  return true;
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
