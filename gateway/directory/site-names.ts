/**
 * Which website a host name means.
 *
 * Owns:          the step from a host to a bucket; which domains may have a certificate.
 * Knows:         the root domains; names for everyone.
 * Must not know: HTTP beyond the Host header, what a website serves.
 *
 * `bucket.root_domain` means that bucket; any other host is itself the name of a bucket, so a
 * domain is served by giving it to a bucket as a name. Names of single keys do not count, and
 * neither do bucket ids: a host must not reach what its owner did not name.
 */
import { isBucketName } from '../../schemas/bucket-name.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { WebsiteConfiguration } from '../../schemas/records/bucket-settings/website.ts';
import type { Soon } from '../../schemas/soon.ts';
import { chain } from '../../schemas/soon.ts';
import { domainSuffix, hostName, labelBefore } from '../http/host-name.ts';

export type Site = {
  /** The host, without port. */
  readonly host: string;
  readonly bucket: BucketRow;
  readonly website: WebsiteConfiguration;
};

export type SiteNamesOptions = {
  /** By a name for everyone. */
  readonly findBucket: (name: string) => Soon<BucketRow | undefined>;
  /** Undefined: there is no website door. Empty: every host is the name of a bucket. */
  readonly webRootDomain: string | undefined;
  readonly s3RootDomain: string | undefined;
  readonly punycode: 'allowed' | 'refused';
};

export class SiteNames {
  readonly #options: SiteNamesOptions;
  readonly #webSuffix: string | undefined;
  readonly #s3Suffix: string | undefined;

  constructor(options: SiteNamesOptions) {
    this.#options = options;
    this.#webSuffix = domainSuffix(options.webRootDomain ?? '');
    this.#s3Suffix = domainSuffix(options.s3RootDomain ?? '');
  }

  /** The website at a Host header; undefined: there is none. */
  siteOf(hostHeader: string): Soon<Site | undefined> {
    const host = hostName(hostHeader);
    if (host === undefined || this.#options.webRootDomain === undefined) return undefined;
    const label = this.#webSuffix === undefined ? undefined : labelBefore(host, this.#webSuffix);
    return chain(this.#bucketNamed(label ?? host), bucket => {
      if (bucket?.website === undefined) return undefined;
      return { host, bucket, website: bucket.website };
    });
  }

  /** Is this domain a website, or a bucket's own host at the S3 door? */
  async isServed(domain: string): Promise<boolean> {
    const host = hostName(domain);
    // A certificate is for a name, never for a port.
    if (host === undefined || domain.includes(':')) return false;
    const label = this.#s3Suffix === undefined ? undefined : labelBefore(host, this.#s3Suffix);
    if (label !== undefined && (await this.#bucketNamed(label)) !== undefined) return true;
    return (await this.siteOf(host)) !== undefined;
  }

  #bucketNamed(name: string): Soon<BucketRow | undefined> {
    const { findBucket, punycode } = this.#options;
    return isBucketName(name, punycode) ? findBucket(name) : undefined;
  }
}
