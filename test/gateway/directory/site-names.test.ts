import test from 'ava';
import { SiteNames } from '../../../gateway/directory/site-names.ts';
import type { WebsiteConfiguration } from '../../../schemas/records/bucket-settings/website.ts';
import { FakeDirectory } from '../../support/fake-directory.ts';

const website: WebsiteConfiguration = {
  kind: 'pages',
  indexDocument: 'i',
  errorDocument: undefined,
  routingRules: [],
};

function world(change: Partial<ConstructorParameters<typeof SiteNames>[0]> = {}): {
  readonly sites: SiteNames;
  readonly directory: FakeDirectory;
} {
  const directory = new FakeDirectory();
  for (const name of ['site', 'a.b', 'example.org', 'xn--bcher-kva.example', 'f'.repeat(64)]) {
    directory.set(name, { ...directory.addBucket(name, {}), website });
  }
  directory.addBucket('plain', {});
  const sites = new SiteNames({
    findBucket: name => directory.resolveBucket(name),
    ...{ webRootDomain: 'web.test', s3RootDomain: '.s3.test', punycode: 'refused' },
    ...change,
  });
  return { sites, directory };
}

for (const [host, name] of [
  ['site.web.test', 'site'],
  ['SITE.Web.Test:3902', 'site'],
  ['site.web.test.', 'site'],
  ['a.b.web.test', 'a.b'],
  ['example.org', 'example.org'],
  ['example.org:443', 'example.org'],
  ['site', 'site'],
  ['plain.web.test', undefined],
  ['unknown.web.test', undefined],
  ['web.test', undefined],
  ['.web.test', undefined],
  ['site.s3.test', undefined],
  ['', undefined],
  ['example.org:x', undefined],
  ['[::1]', undefined],
  ['127.0.0.1', undefined],
  [`${'f'.repeat(64)}.web.test`, undefined],
  ['f'.repeat(64), undefined],
  ['xn--bcher-kva.example', undefined],
] as const) {
  test(`the host ${JSON.stringify(host)} means ${name ?? 'nothing'}`, async t => {
    const { sites } = world();
    t.deepEqual((await sites.siteOf(host))?.bucket.globalAliases, name && [name]);
  });
}

test('internationalised names are served where they are allowed', async t => {
  const { sites } = world({ punycode: 'allowed' });
  const site = await sites.siteOf('xn--bcher-kva.example');
  t.is(site?.host, 'xn--bcher-kva.example');
  t.true(await sites.isServed('xn--bcher-kva.example'));
});

for (const [domain, isServed] of [
  ['site.web.test', true],
  ['example.org', true],
  ['EXAMPLE.org', true],
  ['site.s3.test', true],
  ['plain.s3.test', true],
  ['plain.web.test', false],
  ['plain', false],
  ['unknown.s3.test', false],
  ['s3.test', false],
  ['example.org:443', false],
  ['example.org/x', false],
  [`${'f'.repeat(64)}.s3.test`, false],
  ['', false],
] as const) {
  test(`a certificate for ${domain || 'nothing'}: ${isServed ? 'yes' : 'no'}`, async t => {
    t.is(await world().sites.isServed(domain), isServed);
  });
}

test('without a website door no host is a website', async t => {
  const { sites } = world({ webRootDomain: undefined });
  t.is(await sites.siteOf('example.org'), undefined);
  t.false(await sites.isServed('example.org'));
  t.true(await sites.isServed('site.s3.test'));
});

test('names of single keys do not count', async t => {
  const { sites, directory } = world();
  await sites.siteOf('mine.web.test');
  t.deepEqual(directory.asked, ['bucket mine'], 'asked for without a key');
});
