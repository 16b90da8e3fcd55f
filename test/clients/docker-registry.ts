/**
 * The registry of Docker images, which keeps them in a bucket; skopeo pushes and pulls.
 *
 * Owns:          their checks, the registry's configuration.
 * Knows:         the registry's S3 driver and where it keeps blobs; skopeo's commands.
 * Must not know: the server's code.
 *
 * The driver writes with multipart uploads of 5 MiB that it continues between requests, moves what
 * was uploaded with UploadPartCopy, and sends who pulls to presigned URLs of our server.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REGION } from '../support/garage-process.ts';
import { freePort } from '../support/free-port.ts';
import { SignedRequests } from '../support/signed-requests.ts';
import type { Client } from './client.ts';
import { assertSameFile, check, type ClientWorld } from './client-world.ts';
import { TAG, blobPath, makeImage, type Image } from './oci-image.ts';
import { withService } from './service.ts';

const PROGRAM = 'docker-registry';
const MIB = 1024 * 1024;
/** Parts as small as S3 allows, and copies in parts, so that little images go all the ways. */
const PART_BYTES = 5 * MIB;
const ROOT = 'images';

async function configuration(world: ClientWorld, port: number): Promise<string> {
  const { accessKeyId, secretKey } = world.server.credentials;
  const lines = [
    'version: 0.1',
    'log: { level: warn }',
    'storage:',
    '  delete: { enabled: true }',
    '  s3:',
    `    accesskey: ${accessKeyId}`,
    `    secretkey: ${secretKey}`,
    `    region: ${REGION}`,
    `    regionendpoint: ${world.server.endpoint}`,
    `    bucket: ${world.bucket}`,
    `    rootdirectory: /${ROOT}`,
    '    secure: false',
    '    v4auth: true',
    `    chunksize: ${String(PART_BYTES)}`,
    `    multipartcopychunksize: ${String(PART_BYTES)}`,
    `    multipartcopythresholdsize: ${String(PART_BYTES)}`,
    // The secret lets another process go on with an upload.
    `http: { addr: '127.0.0.1:${String(port)}', secret: 'of all processes' }`,
  ];
  const path = join(world.directory, 'registry.yml');
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

type Registry = {
  /** Behind `docker://`. */
  readonly name: string;
  skopeo(command: string, ...parameters: readonly string[]): Promise<string>;
};

async function registry<T>(
  world: ClientWorld,
  use: (registry: Registry) => Promise<T>,
): Promise<T> {
  const port = await freePort();
  const parameters = ['serve', await configuration(world, port)];
  const name = `127.0.0.1:${String(port)}`;
  const global = ['--insecure-policy', '--tmpdir', world.directory];
  const skopeo: Registry['skopeo'] = async (...command) =>
    (await world.run('skopeo', ...global, ...command)).stdout;
  return withService(world, { program: PROGRAM, parameters, port }, () => use({ name, skopeo }));
}

type Images = { readonly small: Image; readonly large: Image };

const made = new WeakMap<ClientWorld, Promise<Images>>();

/** Made once: compressing takes longer than everything else. */
function images(world: ClientWorld): Promise<Images> {
  const found = made.get(world) ?? makeImages(world);
  made.set(world, found);
  return found;
}

async function makeImages(world: ClientWorld): Promise<Images> {
  const extra = join(world.directory, 'extra');
  await mkdir(extra, { recursive: true });
  await writeFile(join(extra, 'file'), 'of a small layer');
  return {
    small: await makeImage(world, 'small', [extra]),
    // The layer of the small image, and one of 40 MiB.
    large: await makeImage(world, 'large', [extra, join(world.sources, 'folder/sub folder')]),
  };
}

async function push(world: ClientWorld): Promise<void> {
  const created = await new SignedRequests(world.server, world.bucket).ask({ method: 'PUT' });
  check(created.status === 200, created.body.toString());
  const { small, large } = await images(world);
  await registry(world, async ({ name, skopeo }) => {
    for (const [image, repository] of [
      [large, 'team/large'],
      [small, 'small'],
    ] as const) {
      const to = ['--dest-tls-verify=false', '--preserve-digests'];
      const target = `docker://${name}/${repository}:${TAG}`;
      await skopeo('copy', ...to, `oci:${image.directory}:${TAG}`, target);
    }
    const tags = await skopeo('list-tags', '--tls-verify=false', `docker://${name}/team/large`);
    check(tags.includes(`"${TAG}"`), tags);
    const reply = await fetch(`http://${name}/v2/_catalog`);
    const { repositories } = (await reply.json()) as { readonly repositories: string[] };
    check(repositories.join() === 'small,team/large', repositories.join());
  });
  await assertBlobs(
    world,
    [...small.blobs, ...large.blobs].map(({ digest }) => digest),
  );
}

/** By the server's log. */
function timesDone({ server }: ClientWorld, operation: string): number {
  return server.log().split(`"operation":"${operation}"`).length - 1;
}

/** The blobs in the bucket are those of the images, and no upload is left. */
async function assertBlobs(world: ClientWorld, digests: readonly string[]): Promise<void> {
  const requests = new SignedRequests(world.server, world.bucket);
  const keys = await requests.keys(`${ROOT}/docker/registry/v2/blobs/`);
  const found = keys.map(key => /sha256\/..\/(\w+)\/data$/.exec(key)?.[1] ?? key).sort();
  const wanted = [...new Set(digests)].map(digest => digest.replace('sha256:', '')).sort();
  check(found.join('\n') === wanted.join('\n'), `blobs are\n${found.join('\n')}`);
  const uploads = await requests.ask({ query: 'uploads' });
  check(!uploads.body.includes('<Upload>'), uploads.body.toString());
}

async function pull(world: ClientWorld): Promise<void> {
  const { small, large } = await images(world);
  // A process of its own: nothing is left in the memory of the one that was pushed to.
  await registry(world, async ({ name, skopeo }) => {
    for (const [image, repository] of [
      [large, 'team/large'],
      [small, 'small'],
    ] as const) {
      await assertPulled(world, { name, skopeo }, { image, repository });
    }
  });
}

/** Pulls by tag and compares manifest and blobs with those that were pushed. */
async function assertPulled(
  world: ClientWorld,
  { name, skopeo }: Registry,
  { image, repository }: { readonly image: Image; readonly repository: string },
): Promise<void> {
  const source = `docker://${name}/${repository}:${TAG}`;
  const format = ['--format', '{{.Digest}}', '--tls-verify=false'];
  const digest = (await skopeo('inspect', ...format, source)).trim();
  check(digest === image.digest, `${repository} is ${digest}, not ${image.digest}`);
  const back = await world.run('mktemp', '-d', '-p', world.directory);
  const directory = back.stdout.trim();
  const from = ['--src-tls-verify=false', '--preserve-digests'];
  await skopeo('copy', ...from, source, `oci:${directory}:${TAG}`);
  for (const blob of image.blobs) {
    await assertSameFile(blobPath(directory, blob), blobPath(image.directory, blob));
  }
}

async function sendsToPresigned(world: ClientWorld): Promise<void> {
  const { large } = await images(world);
  const layer = large.blobs.at(-1)!;
  await registry(world, async ({ name }) => {
    const url = `http://${name}/v2/team/large/blobs/${layer.digest}`;
    const sent = await fetch(url, { redirect: 'manual' });
    const location = sent.headers.get('location') ?? '';
    check(sent.status === 307 && location.startsWith(world.server.endpoint), location);
    const ranged = await fetch(location, { headers: { range: 'bytes=100-199' } });
    const told = ranged.headers.get('content-range');
    check(ranged.status === 206 && told === `bytes 100-199/${String(layer.size)}`, String(told));
    await ranged.arrayBuffer();
  });
}

async function pushAgain(world: ClientWorld): Promise<void> {
  const { large } = await images(world);
  await registry(world, async ({ name, skopeo }) => {
    const before = timesDone(world, 'UploadPart');
    const to = ['--dest-tls-verify=false', '--preserve-digests'];
    const target = `docker://${name}/team/large:second`;
    await skopeo('copy', ...to, `oci:${large.directory}:${TAG}`, target);
    const after = timesDone(world, 'UploadPart');
    check(after === before, 'layers that are there were sent again');
  });
}

async function collect(world: ClientWorld): Promise<void> {
  const { small, large } = await images(world);
  const config = await registry(world, async ({ name, skopeo }) => {
    const repository = `docker://${name}/team/large`;
    await skopeo('delete', '--tls-verify=false', `${repository}@${large.digest}`);
    const found = await skopeo('inspect', '--tls-verify=false', `${repository}:${TAG}`).then(
      () => 'the deleted image is still there',
      () => '',
    );
    check(found === '', found);
    return join(world.directory, 'registry.yml');
  });
  await world.run(PROGRAM, 'garbage-collect', '--delete-untagged', config);
  await assertBlobs(
    world,
    small.blobs.map(({ digest }) => digest),
  );
  await registry(world, async running => {
    await assertPulled(world, running, { image: small, repository: 'small' });
  });
}

/** The same address at another process. */
function movedTo(location: string, name: string): string {
  const url = new URL(location);
  url.host = name;
  return url.href;
}

/**
 * The driver completes and begins uploads again as pieces smaller than a part come, and finds an
 * upload that another process began by listing uploads and parts.
 */
async function pushInPieces(world: ClientWorld): Promise<void> {
  const { small, large } = await images(world);
  const layer = large.blobs.at(-1)!;
  const bytes = await readFile(blobPath(large.directory, layer));
  const send = async (url: string, method: string, body?: Uint8Array<ArrayBuffer>) => {
    const options = body === undefined ? {} : { body };
    const reply = await fetch(url, { method, ...options });
    const text = await reply.text();
    return { status: reply.status, location: reply.headers.get('location') ?? '', text };
  };
  let location = '';
  let sent = 0;
  for (const end of [1, 2 * MIB, 9 * MIB + 1, 13 * MIB, bytes.length]) {
    location = await registry(world, async ({ name }) => {
      const url =
        location === ''
          ? (await send(`http://${name}/v2/pieces/blobs/uploads/`, 'POST')).location
          : movedTo(location, name);
      const piece = new Uint8Array(bytes.subarray(sent, end));
      const patched = await send(url, 'PATCH', piece);
      check(patched.status === 202, `${String(sent)}: ${patched.text}`);
      sent = end;
      return patched.location;
    });
  }
  await registry(world, async ({ name }) => {
    const digest = encodeURIComponent(layer.digest);
    const put = await send(`${movedTo(location, name)}&digest=${digest}`, 'PUT');
    check(put.status === 201, put.text);
    const reply = await fetch(`http://${name}/v2/pieces/blobs/${layer.digest}`);
    const back = join(world.directory, 'pieces');
    await writeFile(back, Buffer.from(await reply.arrayBuffer()));
    await assertSameFile(back, blobPath(large.directory, layer));
  });
  await assertBlobs(
    world,
    [...small.blobs, layer].map(({ digest }) => digest),
  );
}

export const dockerRegistry: Client = {
  name: PROGRAM,
  packages: [
    { package: 'docker-registry', program: PROGRAM },
    { package: 'skopeo', program: 'skopeo' },
  ],
  checks: [
    { title: 'push of two images that share a layer', run: push },
    { title: 'pull gives the same manifests and blobs', run: pull },
    { title: 'layers come from presigned URLs', run: sendsToPresigned },
    { title: 'a second push sends no layer again', run: pushAgain },
    { title: 'delete, and a garbage collection that leaves the other image whole', run: collect },
    { title: 'a layer in pieces, each to another process', run: pushInPieces },
  ],
};
