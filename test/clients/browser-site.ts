/**
 * A static site, as a browser sees it.
 *
 * Owns:          its checks; two buckets that are websites, one of which the other reads.
 * Knows:         websites, routing rules and CORS of S3; the AWS SDK; what a page's scripts may do.
 * Must not know: the server's code; how the browser is driven.
 */
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutBucketCorsCommand,
  PutBucketWebsiteCommand,
  PutObjectCommand,
  type S3Client,
  type WebsiteConfiguration,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { sdkClient } from '../support/sdk-client.ts';
import { browserPackages, withPage, type Arrival, type BrowserPage } from './browser.ts';
import type { Client } from './client.ts';
import { check, type ClientWorld } from './client-world.ts';
import { DATA, DATA_FILES, PICTURE, SITE_FILES, TONE_SECONDS } from './site-content.ts';

/** What a page's scripts see as their origin. */
export function originOf({ server }: ClientWorld, bucket: string): string {
  return `http://${bucket}.web.localhost:${String(server.ports.web)}`;
}

export async function withSdk<T>(
  world: ClientWorld,
  use: (client: S3Client) => Promise<T>,
): Promise<T> {
  const client = sdkClient(world.server);
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}

function dataBucket({ bucket }: ClientWorld): string {
  return `${bucket}-data`;
}

async function makeSite(world: ClientWorld): Promise<void> {
  const IndexDocument = { Suffix: 'index.html' };
  const host = new URL(originOf(world, world.bucket)).host;
  const configurations: readonly (readonly [string, WebsiteConfiguration])[] = [
    [
      world.bucket,
      {
        ...{ IndexDocument, ErrorDocument: { Key: 'lost.html' } },
        RoutingRules: [
          { Condition: { KeyPrefixEquals: 'old/' }, Redirect: { ReplaceKeyPrefixWith: 'docs/' } },
          {
            Condition: { KeyPrefixEquals: 'gone/', HttpErrorCodeReturnedEquals: '404' },
            Redirect: { ReplaceKeyWith: 'docs/guide.html', HttpRedirectCode: '302' },
          },
        ],
      },
    ],
    [dataBucket(world), { IndexDocument }],
    [`${world.bucket}-www`, { RedirectAllRequestsTo: { HostName: host, Protocol: 'http' } }],
  ];
  await withSdk(world, async client => {
    for (const [Bucket, WebsiteConfiguration] of configurations) {
      await client.send(new CreateBucketCommand({ Bucket }));
      await client.send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration }));
    }
    for (const [Bucket, files] of [
      [world.bucket, SITE_FILES],
      [dataBucket(world), DATA_FILES],
    ] as const) {
      for (const { key: Key, type: ContentType, body: Body } of files) {
        await client.send(new PutObjectCommand({ Bucket, Key, ContentType, Body }));
      }
    }
    const moved = { Bucket: world.bucket, Key: 'moved', Body: 'moved' };
    await client.send(new PutObjectCommand({ ...moved, WebsiteRedirectLocation: '/docs/' }));
    await client.send(
      new PutBucketCorsCommand({
        Bucket: dataBucket(world),
        CORSConfiguration: {
          CORSRules: [
            {
              ...{ AllowedOrigins: [originOf(world, world.bucket)], AllowedMethods: ['GET'] },
              ...{ AllowedHeaders: ['if-none-match'], ExposeHeaders: ['ETag'], MaxAgeSeconds: 60 },
            },
          ],
        },
      }),
    );
  });
}

/** Runs in an empty browser that stands at the index of the site. */
async function atIndex(
  world: ClientWorld,
  use: (page: BrowserPage, arrival: Arrival) => Promise<void>,
): Promise<void> {
  await withPage(world, async page => {
    await use(page, await page.open(`${originOf(world, world.bucket)}/`));
  });
}

export function expectArrival(found: Arrival, status: number, url: string): void {
  const wanted = `${String(status)} ${url}`;
  check(
    `${String(found.status)} ${found.url}` === wanted,
    `${JSON.stringify(found)}, not ${wanted}`,
  );
}

/** Compares what an expression gives on the page. */
export async function expectValue(
  page: BrowserPage,
  expression: string,
  expected: unknown,
): Promise<void> {
  const found = JSON.stringify(await page.evaluate(expression));
  const wanted = JSON.stringify(expected);
  check(found === wanted, `${expression}\ngives ${found}, not ${wanted}`);
}

async function expectHeading(page: BrowserPage, title: string): Promise<void> {
  await expectValue(page, "document.querySelector('h1').textContent", title);
  // The style sheet came, with a type that a browser takes.
  const style = "getComputedStyle(document.querySelector('h1')).color";
  await expectValue(page, style, 'rgb(1, 2, 3)');
}

/** The colour in the middle of an image: a page may read its own images, and others by CORS. */
function pixelOf(image: string): string {
  return `(async () => {
    const image = ${image};
    await image.decode();
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const [x, y] = [canvas.width >> 1, canvas.height >> 1];
    return [canvas.width, canvas.height, ...context.getImageData(x, y, 1, 1).data.slice(0, 3)];
  })()`;
}

const { width, height, red, green, blue } = PICTURE;
const PIXEL = [width, height, red, green, blue];

async function index(world: ClientWorld): Promise<void> {
  await makeSite(world);
  await atIndex(world, async (page, arrival) => {
    expectArrival(arrival, 200, `${originOf(world, world.bucket)}/`);
    await expectHeading(page, 'Index');
    await expectValue(page, 'script.textContent', 'run');
    await expectValue(page, pixelOf('picture'), PIXEL);
    const type = "fetch('/docs/guide.html').then(reply => reply.headers.get('content-type'))";
    await expectValue(page, type, 'text/html');
  });
}

async function folders(world: ClientWorld): Promise<void> {
  await atIndex(world, async page => {
    const origin = originOf(world, world.bucket);
    expectArrival(await page.follow('docs.click()'), 200, `${origin}/docs/`);
    await expectHeading(page, 'Docs');
    // A link without a slash at its front: it would lead elsewhere from /docs.
    expectArrival(await page.follow('guide.click()'), 200, `${origin}/docs/guide.html`);
    await expectHeading(page, 'Guide');
  });
}

async function errorDocument(world: ClientWorld): Promise<void> {
  await withPage(world, async page => {
    const url = `${originOf(world, world.bucket)}/there/is/nothing?a=b`;
    expectArrival(await page.open(url), 404, url);
    await expectHeading(page, 'Lost');
    await expectValue(page, "fetch('/nothing.json').then(reply => reply.status)", 404);
  });
  const unknown = `${originOf(world, `${world.bucket}-unknown`)}/`;
  await withPage(world, async page => {
    expectArrival(await page.open(unknown), 404, unknown);
  });
}

async function redirects(world: ClientWorld): Promise<void> {
  const origin = originOf(world, world.bucket);
  await withPage(world, async page => {
    for (const [from, to, title] of [
      ['/old/guide.html?x=1', '/docs/guide.html?x=1', 'Guide'],
      ['/gone/for-ever', '/docs/guide.html', 'Guide'],
      ['/moved', '/docs/', 'Docs'],
    ] as const) {
      expectArrival(await page.open(`${origin}${from}`), 200, `${origin}${to}`);
      await expectHeading(page, title);
    }
    const elsewhere = originOf(world, `${world.bucket}-www`);
    const arrival = await page.open(`${elsewhere}/docs/guide.html`);
    expectArrival(arrival, 200, `${origin}/docs/guide.html`);
  });
}

async function otherOrigin(world: ClientWorld): Promise<void> {
  const data = originOf(world, dataBucket(world));
  const presigned = await withSdk(world, client =>
    getSignedUrl(client, new GetObjectCommand({ Bucket: dataBucket(world), Key: 'data.json' })),
  );
  await atIndex(world, async page => {
    for (const url of [`${data}/data.json`, presigned]) {
      const address = JSON.stringify(url);
      await expectValue(page, `fetch(${address}).then(reply => reply.json())`, DATA);
      // The rule shows the ETag to scripts, and nothing else that is not shown anyway.
      const names = "['etag', 'x-amz-request-id'].map(name => reply.headers.has(name))";
      await expectValue(page, `fetch(${address}).then(reply => ${names})`, [true, false]);
      // This header makes the browser ask first.
      const again = `fetch(${address}).then(reply => fetch(${address}, {
        cache: 'no-store', headers: { 'if-none-match': reply.headers.get('etag') },
      })).then(reply => reply.status)`;
      await expectValue(page, again, 304);
    }
    const image = `Object.assign(new Image(), {
      crossOrigin: 'anonymous', src: ${JSON.stringify(`${data}/picture.bmp`)},
    })`;
    await expectValue(page, pixelOf(image), PIXEL);
    const refused = (url: string, options: string): Promise<void> => {
      const asked = `fetch(${JSON.stringify(url)}, ${options})`;
      return expectValue(page, `${asked}.then(() => 'allowed', error => error.name)`, 'TypeError');
    };
    // Neither a header nor a method that the rule does not name.
    await refused(`${data}/data.json`, "{ headers: { 'x-other': 'a' } }");
    await refused(presigned, "{ method: 'DELETE' }");
  });
  await withPage(world, async page => {
    // The other way round there is no rule.
    await page.open(`${data}/`);
    const asked = `fetch(${JSON.stringify(`${originOf(world, world.bucket)}/app.js`)})`;
    await expectValue(page, `${asked}.then(() => 'allowed', error => error.name)`, 'TypeError');
  });
}

async function reloading(world: ClientWorld): Promise<void> {
  await atIndex(world, async page => {
    const before = page.received.length;
    await page.reload();
    await expectHeading(page, 'Index');
    const again = page.received.slice(before).filter(({ url }) => url.startsWith('http'));
    const found = again.map(({ url, status }) => `${String(status)} ${new URL(url).pathname}`);
    check(found.includes('304 /'), `the reload received ${found.join(', ')}`);
    check(
      found.every(line => !line.startsWith('5') && !line.startsWith('4')),
      found.join(', '),
    );
  });
}

async function media(world: ClientWorld): Promise<void> {
  await atIndex(world, async page => {
    const seek = `new Promise((resolve, reject) => {
      const tone = Object.assign(new Audio('/tone.wav'), { preload: 'auto' });
      tone.onerror = () => reject(new Error(tone.error.message));
      tone.onloadedmetadata = () => { tone.currentTime = ${String(TONE_SECONDS - 10)}; };
      tone.onseeked = () => resolve([tone.duration, tone.currentTime]);
    })`;
    await expectValue(page, seek, [TONE_SECONDS, TONE_SECONDS - 10]);
    const answers = page.received.filter(({ url }) => url.endsWith('/tone.wav'));
    const statuses = answers.map(({ status }) => status);
    check(statuses.length > 0 && statuses.every(status => status === 206), statuses.join());
  });
}

export const browserSite: Client = {
  name: 'browser: a site',
  packages: browserPackages(),
  checks: [
    { title: 'index, style sheet, modules, a picture', run: index },
    { title: 'folders and the links in them', run: folders },
    { title: 'the error document', run: errorDocument },
    { title: 'routing rules and redirects', run: redirects },
    {
      title: 'JSON and a picture of another origin, where a CORS rule allows it',
      run: otherOrigin,
    },
    { title: 'a reload is answered with 304', run: reloading },
    { title: 'media is read in ranges', run: media },
  ],
};
