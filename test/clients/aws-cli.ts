/**
 * The AWS command line, each `aws` on the PATH: Debian's version 2, and newer ones with checksums.
 *
 * Owns:          its checks.
 * Knows:         `aws s3` and `aws s3api`.
 * Must not know: the server's code.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client, ClientCheck } from './client.ts';
import {
  SOURCES,
  assertSameFile,
  assertSameTree,
  check,
  type ClientWorld,
} from './client-world.ts';

type Aws = (world: ClientWorld, ...parameters: readonly string[]) => Promise<string>;

/** The JSON that `s3api` prints. */
type Json = Readonly<Record<string, unknown>>;

function checksWith(program: string, aws: Aws): readonly ClientCheck[] {
  const api = async (world: ClientWorld, ...parameters: readonly string[]): Promise<Json> => {
    const text = await aws(world, 's3api', ...parameters, '--output', 'json');
    return text.trim() === '' ? {} : (JSON.parse(text) as Json);
  };
  return [
    {
      title: 'mb, ls',
      run: async world => {
        await aws(world, 's3', 'mb', `s3://${world.bucket}`);
        const listed = await aws(world, 's3', 'ls');
        check(listed.includes(world.bucket), `the bucket is not listed: ${listed}`);
      },
    },
    {
      title: 'cp up and down of every size',
      run: async world => {
        for (const [name] of SOURCES) {
          const source = join(world.sources, name);
          const back = join(world.directory, 'cp', name);
          await aws(world, 's3', 'cp', source, `s3://${world.bucket}/cp/${name}`);
          await aws(world, 's3', 'cp', `s3://${world.bucket}/cp/${name}`, back);
          await assertSameFile(back, source);
        }
      },
    },
    {
      title: 'sync up and down, and once more without anything to do',
      run: async world => {
        const remote = `s3://${world.bucket}/sync`;
        const back = join(world.directory, 'sync');
        await aws(world, 's3', 'sync', world.sources, remote);
        await aws(world, 's3', 'sync', remote, back);
        await assertSameTree(back, world.sources);
        const again = await aws(world, 's3', 'sync', world.sources, remote);
        check(again.trim() === '', `the second sync did something: ${again}`);
      },
    },
    {
      title: 'ls --recursive tells every size; mv and rm',
      run: async world => {
        const remote = `s3://${world.bucket}/sync`;
        const listed = await aws(world, 's3', 'ls', '--recursive', `${remote}/`);
        for (const [name, size] of SOURCES) {
          const line = listed.split('\n').find(text => text.endsWith(`sync/${name}`));
          check(line?.includes(` ${String(size)} `) === true, `${name} in ${listed}`);
        }
        await aws(world, 's3', 'mv', `${remote}/small.txt`, `${remote}/moved.txt`);
        const back = join(world.directory, 'moved.txt');
        await aws(world, 's3', 'cp', `${remote}/moved.txt`, back);
        await assertSameFile(back, join(world.sources, 'small.txt'));
        await aws(world, 's3', 'rm', '--recursive', remote);
        const left = await api(
          world,
          'list-objects-v2',
          '--bucket',
          world.bucket,
          '--prefix',
          'sync',
        );
        check(left['Contents'] === undefined, 'rm --recursive left something');
      },
    },
    {
      title: 'copies, moves and syncs on the server, large ones in parts',
      run: async world => {
        const large = 'folder/sub folder/large ü+&.bin';
        const from = `s3://${world.bucket}/cp/${large}`;
        await aws(world, 's3', 'cp', from, `s3://${world.bucket}/server/copied`);
        await aws(world, 's3', 'mv', `s3://${world.bucket}/server/copied`, `${from}.moved`);
        const back = join(world.directory, 'copied');
        await aws(world, 's3', 'cp', `${from}.moved`, back);
        await assertSameFile(back, join(world.sources, large));
        await aws(world, 's3', 'rm', `${from}.moved`);
        const [cp, synced] = [`s3://${world.bucket}/cp`, `s3://${world.bucket}/synced`];
        await aws(world, 's3', 'sync', cp, synced);
        const tree = join(world.directory, 'synced');
        await aws(world, 's3', 'sync', synced, tree);
        await assertSameTree(tree, world.sources);
      },
    },
    {
      title: 'a stream of unknown length, up and down',
      run: async world => {
        const large = join(world.sources, 'folder/medium.bin');
        const back = join(world.directory, 'streamed');
        const command = `'${program}' --endpoint-url '${world.server.endpoint}' s3 cp`;
        const remote = `'s3://${world.bucket}/streamed'`;
        await world.run('sh', '-c', `cat '${large}' '${large}' | ${command} - ${remote}`);
        await world.run('sh', '-c', `${command} ${remote} - > '${back}'`);
        await world.run('sh', '-c', `cat '${large}' '${large}' | cmp - '${back}'`);
      },
    },
    {
      title: 'presign',
      run: async world => {
        const url = await aws(world, 's3', 'presign', `s3://${world.bucket}/cp/small.txt`);
        const back = join(world.directory, 'presigned');
        const reply = await fetch(url.trim());
        await writeFile(back, Buffer.from(await reply.arrayBuffer()));
        await assertSameFile(back, join(world.sources, 'small.txt'));
      },
    },
    {
      title: 's3api: metadata, ranges, copies, conditions',
      run: async world => {
        const Bucket = ['--bucket', world.bucket];
        const body = join(world.sources, 'small.txt');
        const put = await api(
          world,
          'put-object',
          ...Bucket,
          ...['--key', 'api', '--body', body],
          ...['--metadata', 'a=b,c=d'],
          ...['--content-type', 'x/y'],
        );
        const head = await api(world, 'head-object', ...Bucket, '--key', 'api');
        check(head['ETag'] === put['ETag'], 'the ETags differ');
        check(JSON.stringify(head['Metadata']) === '{"a":"b","c":"d"}', 'metadata');
        check(head['ContentType'] === 'x/y', 'content type');
        const part = join(world.directory, 'part');
        const got = await api(
          world,
          'get-object',
          ...Bucket,
          ...['--key', 'api', '--range', 'bytes=10-19'],
          part,
        );
        check(got['ContentLength'] === 10, 'a range of ten bytes');
        await api(
          world,
          'copy-object',
          ...Bucket,
          ...['--key', 'copy', '--copy-source', `${world.bucket}/api`],
        );
        const back = join(world.directory, 'copy');
        await api(world, 'get-object', ...Bucket, '--key', 'copy', back);
        await assertSameFile(back, body);
        const refused = await api(
          world,
          'get-object',
          ...Bucket,
          ...['--key', 'api', '--if-match', '"x"'],
          part,
        ).then(
          () => 'no refusal',
          (error: unknown) => String(error),
        );
        check(/412|PreconditionFailed|Precondition Failed/.test(refused), refused);
      },
    },
    {
      title: 's3api: checksums, listing in pages, deleting many',
      run: async world => {
        const Bucket = ['--bucket', world.bucket];
        const body = join(world.sources, 'small.txt');
        for (const algorithm of ['CRC32', 'CRC32C', 'SHA1', 'SHA256']) {
          if (algorithm === 'CRC32C') continue; // needs a native library that few machines have
          const key = `sum/${algorithm}`;
          const put = await api(
            world,
            'put-object',
            ...Bucket,
            ...['--key', key, '--body', body],
            ...['--checksum-algorithm', algorithm],
          );
          const head = await api(
            world,
            'head-object',
            ...Bucket,
            ...['--key', key, '--checksum-mode', 'ENABLED'],
          );
          check(head[`Checksum${algorithm}`] !== undefined, `${algorithm} is not told`);
          check(head[`Checksum${algorithm}`] === put[`Checksum${algorithm}`], algorithm);
        }
        const listed = await api(
          world,
          'list-objects-v2',
          ...Bucket,
          ...['--prefix', 'sum/', '--page-size', '1'],
        );
        check((listed['Contents'] as unknown[]).length === 3, 'three entries in three pages');
        const objects = ['CRC32', 'SHA1', 'SHA256'].map(name => `{Key=sum/${name}}`).join(',');
        await api(world, 'delete-objects', ...Bucket, '--delete', `Objects=[${objects}]`);
        const left = await api(world, 'list-objects', ...Bucket, '--prefix', 'sum/');
        check(left['Contents'] === undefined, 'delete-objects left something');
      },
    },
    {
      title: 's3api: an upload in parts, by hand',
      run: async world => {
        const at = ['--bucket', world.bucket, '--key', 'by hand'];
        const begun = await api(world, 'create-multipart-upload', ...at);
        const id = ['--upload-id', String(begun['UploadId'])];
        const medium = join(world.sources, 'folder/medium.bin');
        const part = await api(
          world,
          'upload-part',
          ...at,
          ...id,
          ...['--part-number', '1', '--body', medium],
        );
        const parts = await api(world, 'list-parts', ...at, ...id);
        check((parts['Parts'] as unknown[]).length === 1, 'one part is listed');
        const list = { Parts: [{ PartNumber: 1, ETag: part['ETag'] }] };
        await api(
          world,
          'complete-multipart-upload',
          ...at,
          ...id,
          ...['--multipart-upload', JSON.stringify(list)],
        );
        const back = join(world.directory, 'by-hand');
        await api(world, 'get-object', ...at, back);
        await assertSameFile(back, medium);
        const other = await api(world, 'create-multipart-upload', ...at);
        await api(world, 'abort-multipart-upload', ...at, '--upload-id', String(other['UploadId']));
        const left = await api(world, 'list-multipart-uploads', '--bucket', world.bucket);
        check(left['Uploads'] === undefined, 'an upload is left');
      },
    },
    {
      title: 'cp up, on the server and down with keys of its own',
      run: async world => {
        const files = ['first', 'second'].map(name => join(world.directory, `${name}.key`));
        for (const file of files) await writeFile(file, randomBytes(32));
        const [first, second] = files.map(file => `fileb://${file}`) as [string, string];
        const put = ['--sse-c', 'AES256', '--sse-c-key'];
        const source = ['--sse-c-copy-source', 'AES256', '--sse-c-copy-source-key', first];
        const [kept, other] = [`s3://${world.bucket}/keys`, `s3://${world.bucket}/other keys`];
        for (const [name] of SOURCES) {
          const path = join(world.sources, name);
          await aws(world, 's3', 'cp', path, `${kept}/${name}`, ...put, first);
        }
        const medium = 'folder/medium.bin';
        const moved = [`${kept}/${medium}`, `${other}/${medium}`];
        await aws(world, 's3', 'cp', ...moved, ...source, ...put, second);
        const tree = join(world.directory, 'keys');
        await aws(world, 's3', 'cp', '--recursive', kept, tree, ...put, first);
        await assertSameTree(tree, world.sources);
        const back = join(world.directory, 'rekeyed');
        await aws(world, 's3', 'cp', `${other}/${medium}`, back, ...put, second);
        await assertSameFile(back, join(world.sources, medium));
        for (const wrong of [[], [...put, first]]) {
          const refused = await aws(world, 's3', 'cp', `${other}/${medium}`, back, ...wrong).then(
            () => 'no refusal',
            (error: unknown) => String(error),
          );
          check(/Bad Request|Forbidden/.test(refused), refused);
        }
      },
    },
    {
      title: 's3api: versions that are locked',
      run: async world => {
        const Bucket = ['--bucket', `${world.bucket}-locked`];
        await api(world, 'create-bucket', ...Bucket, '--object-lock-enabled-for-bucket');
        const at = [...Bucket, '--key', 'held'];
        const body = ['--body', join(world.sources, 'small.txt')];
        const put = await api(
          world,
          'put-object',
          ...at,
          ...body,
          ...['--object-lock-mode', 'GOVERNANCE'],
          ...['--object-lock-retain-until-date', '2099-01-01T00:00:00Z'],
        );
        const version = ['--version-id', String(put['VersionId'])];
        const told = await api(world, 'get-object-retention', ...at, ...version);
        check(JSON.stringify(told).includes('2099-01-01'), JSON.stringify(told));
        const refused = await api(world, 'delete-object', ...at, ...version).then(
          () => 'no refusal',
          (error: unknown) => String(error),
        );
        check(refused.includes('AccessDenied'), refused);
        for (const Status of ['ON', 'OFF']) {
          const hold = ['--legal-hold', `Status=${Status}`];
          await api(world, 'put-object-legal-hold', ...at, ...version, ...hold);
          const head = await api(world, 'head-object', ...at, ...version);
          check(head['ObjectLockLegalHoldStatus'] === Status, JSON.stringify(head));
        }
        const bypass = '--bypass-governance-retention';
        await api(world, 'delete-object', ...at, ...version, bypass);
        await api(world, 'delete-bucket', ...Bucket);
      },
    },
    {
      title: 'location, head-bucket, rb --force',
      run: async world => {
        const location = await api(world, 'get-bucket-location', '--bucket', world.bucket);
        check(location['LocationConstraint'] === 'garage', JSON.stringify(location));
        await api(world, 'head-bucket', '--bucket', world.bucket);
        await aws(world, 's3', 'rb', '--force', `s3://${world.bucket}`);
        const listed = await aws(world, 's3', 'ls');
        check(!listed.includes(world.bucket), 'the bucket is still listed');
      },
    },
  ];
}

/** `program`: the path of one `aws`. */
export function awsCli(program: string): Client {
  const aws: Aws = async (world, ...parameters) => {
    const endpoint = ['--endpoint-url', world.server.endpoint];
    return (await world.run(program, ...endpoint, ...parameters)).stdout;
  };
  return {
    name: program,
    packages: [{ package: 'awscli', program }],
    checks: checksWith(program, aws),
  };
}
