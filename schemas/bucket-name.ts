/**
 * Which names a bucket may have.
 *
 * Owns:          the rules ("Bucket naming rules", Amazon S3 user guide).
 * Knows:         nothing.
 * Must not know: whether a name is taken, who asks.
 *
 * Every name that enters the system goes through here, global or local, over S3 or administration:
 * a name that slipped past would be a host name, or a bucket id, or nothing at all to somebody
 * else.
 */

const CHARACTERS = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const IP4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
/** What S3 keeps for its own: aliases of access points, directory and table buckets, examples. */
const RESERVED = /^(?:sthree-|amzn-s3-demo-)|(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/;

/** `punycode` says whether internationalised names (`xn--…`) are taken. */
export function isBucketName(name: string, punycode: 'allowed' | 'refused'): boolean {
  if (!CHARACTERS.test(name) || IP4.test(name)) return false;
  if (name.includes('..') || RESERVED.test(name)) return false;
  return punycode === 'allowed' || !name.split('.').some(label => label.startsWith('xn--'));
}
