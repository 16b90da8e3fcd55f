/**
 * Container images made on the spot, as OCI layouts.
 *
 * Owns:          their layers, configuration, manifest and index.
 * Knows:         the OCI image format; tar and gzip.
 * Must not know: who copies them.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Of, type ClientWorld } from './client-world.ts';

const TYPE = 'application/vnd.oci.image';
export const TAG = 'latest';

/** A blob as manifests refer to it. */
export type Blob = {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
};

export type Image = {
  /** Of the layout, as `skopeo` takes it behind `oci:`. */
  readonly directory: string;
  /** Of the manifest. */
  readonly digest: string;
  readonly blobs: readonly Blob[];
};

/** A layout with one image, whose layers are the contents of the folders. */
export async function makeImage(
  world: ClientWorld,
  name: string,
  folders: readonly string[],
): Promise<Image> {
  const directory = join(world.directory, `image-${name}`);
  await mkdir(join(directory, 'blobs/sha256'), { recursive: true });
  const layers: Blob[] = [];
  const contents: string[] = [];
  for (const folder of folders) {
    const { layer, content } = await addLayer(world, directory, folder);
    layers.push(layer);
    contents.push(content);
  }
  const config = await addDocument(directory, `${TYPE}.config.v1+json`, {
    ...{ architecture: 'amd64', os: 'linux', config: { Labels: { name } } },
    rootfs: { type: 'layers', diff_ids: contents },
  });
  const manifestType = `${TYPE}.manifest.v1+json`;
  const manifest = await addDocument(directory, manifestType, {
    ...{ schemaVersion: 2, mediaType: manifestType, config, layers },
  });
  const annotations = { 'org.opencontainers.image.ref.name': TAG };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  await writeFile(join(directory, 'index.json'), JSON.stringify(index));
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return { directory, digest: manifest.digest, blobs: [manifest, config, ...layers] };
}

/** Path of a blob in a layout. */
export function blobPath(directory: string, { digest }: Blob): string {
  return join(directory, 'blobs', digest.replace(':', '/'));
}

async function addLayer(
  world: ClientWorld,
  directory: string,
  folder: string,
): Promise<{ readonly layer: Blob; readonly content: string }> {
  const tar = join(directory, 'layer.tar');
  const compressed = join(directory, 'layer.tar.gz');
  const fixed = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  await world.run('tar', ...fixed, '-C', folder, '-cf', tar, '.');
  await world.run('sh', '-c', `gzip -n -1 < '${tar}' > '${compressed}'`);
  const digest = `sha256:${await sha256Of(compressed)}`;
  const { length: size } = await readFile(compressed);
  const layer = { mediaType: `${TYPE}.layer.v1.tar+gzip`, digest, size };
  await copyFile(compressed, blobPath(directory, layer));
  return { layer, content: `sha256:${await sha256Of(tar)}` };
}

async function addDocument(
  directory: string,
  mediaType: string,
  document: Readonly<Record<string, unknown>>,
): Promise<Blob> {
  const text = JSON.stringify(document);
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const blob = { mediaType, digest, size: Buffer.byteLength(text) };
  await writeFile(blobPath(directory, blob), text);
  return blob;
}
