/**
 * The digests of a body that lies in one buffer, computed where it is.
 *
 * Owns:          which digests a plan needs, each computed once.
 * Knows:         plans.
 * Must not know: where the buffer came from.
 */
import type { ChecksumMaker } from './checksum-maker.ts';
import type { BodyDigests, DigestPlan } from './payload.ts';

/** The planned digests. `knownSha256Hex`: computed already, because it is a block's name too. */
export function wholeDigests(
  checksums: ChecksumMaker,
  bytes: Uint8Array,
  plan: DigestPlan,
  knownSha256Hex?: string,
): BodyDigests {
  const md5Hex = checksums.hexOf('MD5', bytes);
  const wantsSha256 = plan.sha256 || plan.checksum === 'SHA256';
  const sha256Hex = wantsSha256 ? (knownSha256Hex ?? checksums.hexOf('SHA256', bytes)) : undefined;
  const checksum = wholeChecksum(checksums, bytes, plan, { md5Hex, sha256Hex });
  return { md5Hex, sha256Hex, checksum };
}

function wholeChecksum(
  checksums: ChecksumMaker,
  bytes: Uint8Array,
  { checksum }: DigestPlan,
  { md5Hex, sha256Hex }: Pick<BodyDigests, 'md5Hex' | 'sha256Hex'>,
): string | undefined {
  if (checksum === undefined) return undefined;
  if (checksum === 'MD5') return Buffer.from(md5Hex, 'hex').toString('base64');
  if (checksum === 'SHA256' && sha256Hex !== undefined) {
    return Buffer.from(sha256Hex, 'hex').toString('base64');
  }
  return checksums.of(checksum, bytes).toString('base64');
}
