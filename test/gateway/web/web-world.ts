/**
 * A website door in process, beside an S3 door that fills its buckets.
 *
 * Owns:          the wiring; a bucket that is a website; visiting it.
 * Knows:         the S3 world.
 * Must not know: what is tested.
 */
import { Authoriser } from '../../../gateway/auth/authoriser.ts';
import { SiteNames } from '../../../gateway/directory/site-names.ts';
import { websiteDoor, type WebsiteDoor } from '../../../gateway/web/website-door.ts';
import type { BucketSettings } from '../../../schemas/records/bucket-row.ts';
import type {
  RoutingRule,
  WebsiteConfiguration,
  WebsitePages,
} from '../../../schemas/records/bucket-settings/website.ts';
import { fakeRequest } from '../../support/fake-exchange.ts';
import type { HeaderPair } from '../../support/sigv4-signer.ts';
import { answerOf, OWNER, s3World, type Answer, type S3World } from '../s3/s3-world.ts';

/** The host of the bucket `site`. */
export const SITE = 'site.web.test';

export type WebWorld = {
  readonly s3: S3World;
  readonly sites: SiteNames;
  readonly door: WebsiteDoor;
  /** Puts an object into the bucket `site`; the key is sent as it stands. */
  put(key: string, body: string, headers?: readonly HeaderPair[]): Promise<void>;
  visit(target: string, options?: Visit): Promise<Answer>;
};

export type Visit = {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: readonly HeaderPair[];
};

export const pages: WebsitePages = {
  kind: 'pages',
  indexDocument: 'index.html',
  errorDocument: undefined,
  routingRules: [],
};

export function routed(...rules: readonly Partial<RoutingRule>[]): WebsiteConfiguration {
  const empty: RoutingRule = {
    ...{ keyPrefix: undefined, errorCode: undefined, protocol: undefined, hostName: undefined },
    ...{ replaceKeyPrefixWith: undefined, replaceKeyWith: undefined, redirectCode: undefined },
  };
  return { ...pages, routingRules: rules.map(rule => ({ ...empty, ...rule })) };
}

export function webWorld(
  website: WebsiteConfiguration | 'none' = pages,
  settings: BucketSettings = {},
  options: { readonly countsHosts?: boolean; readonly punycode?: 'allowed' | 'refused' } = {},
): WebWorld {
  const s3 = s3World();
  const row = s3.directory.addBucket('site', { [OWNER]: 'rwo' });
  s3.directory.set('site', { ...row, ...(website === 'none' ? {} : { website }), ...settings });
  const sites = new SiteNames({
    findBucket: name => s3.directory.resolveBucket(name),
    webRootDomain: 'web.test',
    s3RootDomain: 's3.test',
    punycode: options.punycode ?? 'refused',
  });
  const { reader, log, environment } = s3.objects;
  const authoriser = new Authoriser(environment.clock);
  const countsHosts = options.countsHosts ?? false;
  const door = websiteDoor({ sites, reader, authoriser, log, countsHosts });
  return {
    ...{ s3, sites, door },
    put: async (key, body, headers = []) => {
      const answer = await s3.ask({ method: 'PUT', target: `/site/${key}`, body, headers });
      if (answer.status !== 200) throw new Error(`the object was not stored: ${answer.text}`);
    },
    visit: async (target, { method = 'GET', host = SITE, headers = [] } = {}) => {
      const request = fakeRequest({ method, target, headers: [['host', host], ...headers] });
      return answerOf(await door.handler(request));
    },
  };
}
