import { createHmac } from 'node:crypto';
import test from 'ava';
import {
  SigningKeys,
  deriveSigningKey,
  isSameSignature,
  signatureOf,
} from '../../../gateway/auth/signing-keys.ts';
import { parseCredential } from '../../../gateway/auth/credential-scope.ts';

function credentialOf(id: string) {
  return parseCredential(`${id}/20120215/us-east-1/iam/aws4_request`, {
    region: 'us-east-1',
    service: 'iam',
    code: 'AuthorizationHeaderMalformed',
  });
}

test('a key is derived as AWS documents it', t => {
  // "Examples of how to derive a signing key", AWS General Reference.
  const key = deriveSigningKey(credentialOf('x'), 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
  const hex = key.export().toString('hex');
  t.is(hex, 'f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d');
});

test('a remembered key is the same object, and another secret never gets it', t => {
  const keys = new SigningKeys();
  const first = keys.signingKey(credentialOf('GK1'), 'old');
  t.is(keys.signingKey(credentialOf('GK1'), 'old'), first);
  const second = keys.signingKey(credentialOf('GK1'), 'new');
  t.false(second.equals(first));
  t.is(keys.signingKey(credentialOf('GK1'), 'new'), second);
  t.is(keys.size, 1);
});

test('the memory is bounded, and forgets what is not used', t => {
  const keys = new SigningKeys(10);
  const used = keys.signingKey(credentialOf('used'), 's');
  for (let index = 0; index < 100; index++) {
    keys.signingKey(credentialOf(`GK${index}`), 's');
    t.is(keys.signingKey(credentialOf('used'), 's'), used);
    t.true(keys.size <= 20);
  }
});

test('signatures are the same only when every digit is', t => {
  const signature = signatureOf('text', deriveSigningKey(credentialOf('x'), 's'));
  t.true(isSameSignature(signature, signature));
  for (let index = 0; index < signature.length; index++) {
    const digit = signature[index] === '0' ? '1' : '0';
    const other = signature.slice(0, index) + digit + signature.slice(index + 1);
    t.false(isSameSignature(other, signature));
  }
  for (const other of ['', signature.slice(1), `${signature}0`, signature.toUpperCase()]) {
    t.false(isSameSignature(other, signature));
  }
});

test('a character that only ends in the right byte is not a digit', t => {
  const signature = createHmac('sha256', 'k').update('t').digest('hex');
  const wide = String.fromCharCode(signature.charCodeAt(0) + 0x100) + signature.slice(1);
  t.false(isSameSignature(wide, signature));
});
