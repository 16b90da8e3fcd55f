// Method: the server as an operator has it: started, refused, stopped and started again, with its
// files, its log and its exit codes. Each test has a directory of its own.
import { once } from 'node:events';
import { lstat, readFile, readdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { freePort } from '../support/free-port.ts';
import {
  BUCKET,
  GARAGE,
  newCredentials,
  runGarage,
  writeConfig,
  type CommandResult,
  type GarageOptions,
  type GaragePorts,
  type GarageProcess,
} from '../support/garage-process.ts';
import { execFileSync } from 'node:child_process';
import { RawConnection, headerValue } from '../support/raw-http.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { ownGarage, scratchDirectory } from '../support/shared-garage.ts';
import { SignedRequests, elements, errorCode } from '../support/signed-requests.ts';

const MIB = 1024 * 1024;
const STOP_MS_MAX = 12_000;

async function somePorts(): Promise<GaragePorts> {
  const [s3 = 0, web = 0, admin = 0, rpc = 0] = await Promise.all([1, 2, 3, 4].map(freePort));
  return { s3, web, admin, rpc };
}

/** Runs `garage server` where it must refuse to start. */
async function refusedStart(
  t: ExecutionContext,
  options: GarageOptions,
  ports: GaragePorts,
): Promise<CommandResult> {
  const config = await writeConfig(options, ports);
  const result = await runGarage(['-c', config, 'server', '--single-node']);
  t.is(result.exitCode, 1, result.stderr);
  return result;
}

function sentences(text: string): string[] {
  return text.split('\n').filter(line => line !== '' && !line.startsWith('{'));
}

function completion(etag: string): string {
  const part = `<Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part>`;
  return `<CompleteMultipartUpload>${part}</CompleteMultipartUpload>`;
}

test.serial('a second start finds everything as it was left', async t => {
  const directory = await scratchDirectory(t);
  const credentials = newCredentials();
  const first = await ownGarage(t, { directory, credentials });
  const s3 = new SignedRequests(first);
  const sizes = [0, 100, 4097, 70_000, 2 * MIB + 1];
  for (const size of sizes) await s3.put(`of/${String(size)}`, seededBytes(size, size));
  const begun = await s3.ask({ method: 'POST', key: 'open', query: 'uploads=' });
  const id = elements(begun.body.toString(), 'UploadId')[0] ?? '';
  const part = { method: 'PUT', key: 'open', query: `partNumber=1&uploadId=${id}` };
  const body = seededBytes(9, 100_000);
  const etag = headerValue(await s3.ask({ ...part, body }), 'etag') ?? '';
  const keyMade = await first.command('key', 'create', 'kept');
  t.is(keyMade.exitCode, 0, keyMade.stderr);
  const nodeId = (await first.command('node', 'id', '-q')).stdout;
  t.is(await first.end(), 0);

  const second = await ownGarage(t, { directory, credentials, ports: first.ports });
  t.is((await second.command('node', 'id', '-q')).stdout, nodeId);
  t.regex((await second.command('key', 'list')).stdout, / kept /);
  for (const size of sizes) {
    const found = await s3.ask({ key: `of/${String(size)}` });
    t.true(found.body.equals(seededBytes(size, size)), String(size));
  }
  const done = await s3.ask({
    ...{ method: 'POST', key: 'open', query: `uploadId=${id}` },
    body: completion(etag),
  });
  t.is(done.status, 200, done.body.toString());
  t.true((await s3.ask({ key: 'open' })).body.equals(body));
  t.is(await second.end(), 0);
});

/** An upload of which only the first half was sent. */
async function halfUpload(
  t: ExecutionContext,
  s3: SignedRequests,
  body: Buffer,
): Promise<RawConnection> {
  const connection = await RawConnection.open({ port: s3.port });
  t.teardown(() => {
    connection.destroy();
  });
  await connection.send(s3.build({ method: 'PUT', key: 'slow', body }).head);
  await connection.send(body.subarray(0, body.length / 2));
  // The server has read it once it answers something that was sent later.
  await s3.ask({ path: '/' });
  await delay(200);
  return connection;
}

test('SIGTERM lets an upload finish that is under way', async t => {
  const directory = await scratchDirectory(t);
  const credentials = newCredentials();
  const server = await ownGarage(t, { directory, credentials });
  const s3 = new SignedRequests(server);
  const body = seededBytes(4, 2 * MIB);
  const connection = await halfUpload(t, s3, body);
  const ended = server.end('SIGTERM');
  await delay(1000);
  await t.throwsAsync(RawConnection.open({ port: s3.port }), undefined, 'no new connections');
  await connection.send(body.subarray(body.length / 2));
  const reply = await connection.readReply();
  t.is(reply?.status, 200);
  t.is(await ended, 0);
  const again = await ownGarage(t, { directory, credentials, ports: server.ports });
  t.true((await s3.ask({ key: 'slow' })).body.equals(body));
  t.is(await again.end(), 0);
});

test('SIGTERM does not wait for ever for an upload that has stalled', async t => {
  const directory = await scratchDirectory(t);
  const credentials = newCredentials();
  const server = await ownGarage(t, { directory, credentials });
  const s3 = new SignedRequests(server);
  await halfUpload(t, s3, seededBytes(5, MIB));
  const startMs = performance.now();
  t.is(await server.end('SIGTERM'), 0);
  t.true(performance.now() - startMs < STOP_MS_MAX);
  const again = await ownGarage(t, { directory, credentials, ports: server.ports });
  t.deepEqual(await s3.keys(), []);
  t.is(await again.end(), 0);
});

test.serial('SIGTERM without anything to finish ends at once', async t => {
  const server = await ownGarage(t, { directory: await scratchDirectory(t) });
  const idle = await RawConnection.open({ port: server.ports.s3 });
  t.teardown(() => {
    idle.destroy();
  });
  const startMs = performance.now();
  t.is(await server.end('SIGTERM'), 0);
  t.true(performance.now() - startMs < 5000, 'an idle connection is no reason to wait');
});

test.serial('an occupied port ends the start with one sentence', async t => {
  const holder = createServer();
  holder.listen(0, '127.0.0.1');
  await once(holder, 'listening');
  t.teardown(() => {
    holder.close();
  });
  const address = holder.address();
  const taken = typeof address === 'object' && address !== null ? address.port : 0;
  const ports = await somePorts();
  for (const door of ['s3', 'web', 'admin', 'rpc'] as const) {
    const directory = await scratchDirectory(t);
    const refused = await refusedStart(t, { directory }, { ...ports, [door]: taken });
    const said = sentences(refused.stderr);
    t.is(said.length, 1, refused.stderr);
    t.regex(said[0] ?? '', new RegExp(`127\\.0\\.0\\.1:${String(taken)}`));
    t.notRegex(refused.stderr, /at .*\.js/, 'no stack trace');
  }
});

test.serial('a data directory in use ends the start with the pid of its holder', async t => {
  const directory = await scratchDirectory(t);
  const server = await ownGarage(t, { directory });
  const refused = await refusedStart(t, { directory }, await somePorts());
  const said = sentences(refused.stderr);
  t.is(said.length, 1, refused.stderr);
  t.true(said[0]?.includes(String(server.child.pid)), said[0]);
  const s3 = new SignedRequests(server);
  await s3.put('k', 'still served');
  t.is(await server.end(), 0);
});

test.serial(
  'a server that was killed leaves nothing that keeps the next one from starting',
  async t => {
    const directory = await scratchDirectory(t);
    const credentials = newCredentials();
    const first = await ownGarage(t, { directory, credentials });
    const s3 = new SignedRequests(first);
    await s3.put('k', 'content');
    t.is(await first.end('SIGKILL'), 'SIGKILL');
    const second = await ownGarage(t, { directory, credentials, ports: first.ports });
    t.is((await s3.ask({ key: 'k' })).body.toString(), 'content');
    t.is(await second.end(), 0);
  },
);

test.serial('all problems of a configuration are told at once, each with its key', async t => {
  const directory = await scratchDirectory(t);
  const top = ['colour = "red"', 'block_size = "much"', 'metadata_fsync = 3'];
  const end = ['tokken = "a"', '[s4_api]', 'x = 1'];
  const refused = await refusedStart(t, { directory, top, end }, await somePorts());
  for (const key of ['colour', 'block_size', 'metadata_fsync', 'admin.tokken', 's4_api']) {
    t.true(refused.stderr.includes(key), `${key} in ${refused.stderr}`);
  }
  t.false((await readdir(directory)).includes('meta'), 'nothing was made');
});

test.serial(
  'keys of older Garage samples are taken and told, and a 2.3 file works unchanged',
  async t => {
    const directory = await scratchDirectory(t);
    const top = ['db_engine = "lmdb"', 'sled_cache_capacity = 1000', 'compression_level = 2'];
    const server = await ownGarage(t, { directory, top });
    const s3 = new SignedRequests(server);
    await s3.put('k', 'content');
    t.is((await s3.ask({ key: 'k' })).body.toString(), 'content');
    t.regex(server.log(), /sled_cache_capacity/);
    t.is(await server.end(), 0);
  },
);

async function modesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const wrong: string[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const mode = (await lstat(path)).mode & 0o777;
    if (mode !== (entry.isDirectory() ? 0o700 : 0o600)) wrong.push(`${path} ${mode.toString(8)}`);
  }
  return wrong;
}

test.serial('files are for their owner alone', async t => {
  const directory = await scratchDirectory(t);
  const server = await ownGarage(t, { directory });
  const s3 = new SignedRequests(server);
  for (const size of [10, 70_000, 3 * MIB]) {
    await s3.put(`k${String(size)}`, seededBytes(size, size));
  }
  t.deepEqual(await modesBelow(directory), []);
  t.is(await server.end(), 0);
  t.deepEqual(await modesBelow(directory), []);
});

/** Everything that can go wrong with a signature, with the secrets of this server in reach. */
async function badManners(server: GarageProcess, s3: SignedRequests): Promise<void> {
  const { accessKeyId, secretKey } = server.credentials;
  await s3.put('k', 'content');
  await s3.ask({ key: 'missing' });
  await s3.ask({ key: 'k', credentials: { accessKeyId, secretKey: `${secretKey}x` } });
  await s3.ask({ key: 'k', region: 'elsewhere' });
  await s3.ask({ key: 'k', query: `token=${secretKey}`, timeMs: 0 });
  await s3.ask({ path: `/${'no'.repeat(40)}/k` });
  const { target } = s3.signer().presign({
    ...{ method: 'GET', path: s3.path('k'), expiresSeconds: 60, timeMs: Date.now() },
    headers: [['host', s3.host]],
  });
  for (const wanted of [target, target.replace('/k?', '/l?'), `${target}&x=%zz`]) {
    await s3.askBytes(`GET ${wanted} HTTP/1.1\r\nHost: ${s3.host}\r\n\r\n`);
  }
  const bearer = { headers: { authorization: 'Bearer test-admin-token' } };
  const admin = `http://127.0.0.1:${String(server.ports.admin)}`;
  for (const path of ['/v2/GetClusterStatus', `/v2/GetKeyInfo?id=${accessKeyId}`, '/metrics']) {
    await (await fetch(admin + path, bearer)).arrayBuffer();
    await (await fetch(admin + path)).arrayBuffer();
  }
}

test.serial('no secret is in the log, however talkative', async t => {
  const directory = await scratchDirectory(t);
  const server = await ownGarage(t, { directory, env: { RUST_LOG: 'trace' } });
  const s3 = new SignedRequests(server);
  await badManners(server, s3);
  const created = await server.command('key', 'create', 'another');
  const made = /Secret key: +(\S+)/.exec(created.stdout)?.[1] ?? 'missing';
  await server.command('key', 'info', 'another', '--show-secret');
  const signature = /Signature=([0-9a-f]{64})/.exec(s3.build({ key: 'k' }).head)?.[1];
  t.is(await server.end(), 0);
  const log = server.log();
  t.true(log.length > 1000);
  const secrets = [server.credentials.secretKey, '5'.repeat(64), 'test-admin-token', made];
  for (const secret of secrets) t.false(log.includes(secret), secret);
  t.notRegex(log, /Signature=|X-Amz-Signature|x-amz-signature/);
  t.truthy(signature);
});

test.serial('each request is one line of the log, under the id that its answer has', async t => {
  const server = await ownGarage(t, { directory: await scratchDirectory(t) });
  const s3 = new SignedRequests(server);
  const put = await s3.put('some key'.replace(' ', '%20'), 'content');
  const forged = [['x-forwarded-for', '203.0.113.77']] as const;
  const missing = await s3.ask({ key: 'missing', headers: forged });
  const anonymous = await s3.askBytes(`GET / HTTP/1.1\r\nHost: ${s3.host}\r\n\r\n`);
  const malformed = await s3.askBytes('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
  const options = await s3.askBytes(`OPTIONS /b HTTP/1.1\r\nHost: ${s3.host}\r\n\r\n`, 'OPTIONS');
  const ids = [put, missing, anonymous, malformed, options].map(reply =>
    headerValue(reply, 'x-amz-request-id'),
  );
  t.is(new Set(ids).size, 5);
  t.false(ids.includes(undefined));
  t.is(await server.end(), 0);
  const lines = server
    .log()
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Record<string, unknown>);
  const of = (id: string | undefined) => lines.filter(line => line['requestId'] === id);
  t.is(of(ids[0]).length, 1);
  const [line = {}] = of(ids[0]);
  t.is(line['operation'], 'PutObject');
  t.is(line['bucket'], BUCKET);
  t.is(line['status'], 200);
  t.is(line['received'], 7);
  t.is(typeof line['ms'], 'number');
  const [refused = {}] = of(ids[1]);
  t.is(refused['status'], 404);
  t.is(refused['code'], 'NoSuchKey');
  t.is(refused['peer'], '127.0.0.1', 'a header of the client does not change who it is');
});

test.serial(
  'the admin door tells health and metrics, and nothing else without its token',
  async t => {
    const end = ['metrics_token = "metrics-secret"'];
    const server = await ownGarage(t, { directory: await scratchDirectory(t), end });
    const admin = `http://127.0.0.1:${String(server.ports.admin)}`;
    const ask = async (path: string, token?: string): Promise<{ status: number; text: string }> => {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: token };
      const reply = await fetch(admin + path, { headers });
      t.truthy(reply.headers.get('x-amz-request-id'), `${path} has a request id`);
      return { status: reply.status, text: await reply.text() };
    };
    t.is((await ask('/health')).status, 200);
    t.is((await ask('/metrics')).status, 403);
    t.is((await ask('/metrics', 'Bearer metrics-secreu')).status, 403);
    t.is((await ask('/metrics', 'Bearer ')).status, 403);
    t.regex((await ask('/metrics', 'Bearer metrics-secret')).text, /^# HELP /);
    const paths = [
      '/v2/GetClusterStatus',
      '/v2/ListKeys?showSecretKey=true',
      '/debug',
      '/..',
      '/v1/x',
    ];
    for (const path of paths) {
      for (const token of [undefined, 'Bearer test-admin-tokeo', 'Bearer ', 'Basic abc']) {
        const { status, text } = await ask(path, token);
        t.true(status === 403 || status === 404, `${path} ${String(token)}: ${String(status)}`);
        t.notRegex(text, /at .*\.[jt]s:\d+/);
        t.false(text.includes(server.credentials.secretKey));
      }
    }
    const long = await fetch(`${admin}/v2/GetClusterStatus`, {
      headers: { authorization: `Bearer ${'x'.repeat(12_000)}` },
    });
    t.true(long.status === 403 || long.status === 400 || long.status === 431);
    await long.arrayBuffer();
    t.is(await server.end(), 0);
  },
);

test.serial('the website door answers 404 while no bucket is a website', async t => {
  const server = await ownGarage(t, { directory: await scratchDirectory(t) });
  const reply = await fetch(`http://127.0.0.1:${String(server.ports.web)}/`);
  t.is(reply.status, 404);
  t.truthy(reply.headers.get('x-amz-request-id'));
  await reply.arrayBuffer();
  t.is(await server.end(), 0);
});

test.serial(
  'the default key and bucket are made once, and another secret for it is refused',
  async t => {
    const directory = await scratchDirectory(t);
    const credentials = newCredentials();
    const server = await ownGarage(t, { directory, credentials });
    const info = await server.command('bucket', 'info', BUCKET);
    t.regex(info.stdout, new RegExp(`RWO +${credentials.accessKeyId}`));
    const key = await server.command('key', 'info', credentials.accessKeyId);
    t.regex(key.stdout, /Key name: +default access key/);
    t.regex(key.stdout, /Can create buckets: +true/);
    t.is(await server.end(), 0);
    const { configPath } = server;
    const refused = await runGarage(
      ['-c', configPath, 'server', '--single-node', '--default-bucket'],
      {
        GARAGE_DEFAULT_ACCESS_KEY: credentials.accessKeyId,
        GARAGE_DEFAULT_SECRET_KEY: newCredentials().secretKey,
        GARAGE_DEFAULT_BUCKET: BUCKET,
      },
    );
    t.is(refused.exitCode, 1);
    t.is(sentences(refused.stderr).length, 1, refused.stderr);
    t.false(refused.stderr.includes(credentials.secretKey));
  },
);

test.serial(
  'a plain server serves once a layout is applied, as a script for Garage does it',
  async t => {
    const directory = await scratchDirectory(t);
    const server = await ownGarage(t, { directory, flags: [] });
    const early = new SignedRequests(server);
    t.true([403, 503].includes((await early.ask({ key: 'k' })).status), 'nobody is served yet');
    const health = await fetch(`http://127.0.0.1:${String(server.ports.admin)}/health`);
    t.is(health.status, 503);
    await health.arrayBuffer();
    // The commands, and what is cut out of their output, as test scripts of Garage's users do it.
    const run = async (...parameters: string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await server.command(...parameters);
      t.is(exitCode, 0, `${parameters.join(' ')}: ${stderr}`);
      return stdout;
    };
    const status = await run('status');
    t.regex(status, /NO ROLE ASSIGNED/);
    const short = status
      .split('\n')
      .find(line => line.includes('NO ROLE ASSIGNED'))
      ?.split(' ')[0];
    const id = (await run('node', 'id', '-q')).split('@')[0]?.trim() ?? '';
    t.true(id.startsWith(short ?? '?'));
    await run('layout', 'assign', '-z', 'dc1', '-c', '1G', short ?? '');
    const tooFar = await server.command('layout', 'apply', '--version', '7');
    t.is(tooFar.exitCode, 1);
    await run('layout', 'apply', '--version', '1');
    t.regex(await run('layout', 'show'), /Current cluster layout version: 1/);
    t.regex(await run('bucket', 'create', 'made-by-script'), /==== BUCKET INFORMATION ====/);
    const key = await run('key', 'create', 'test-key');
    const accessKeyId = /Key ID: +(\S+)/.exec(key)?.[1] ?? '';
    const secretKey = /Secret key: +(\S+)/.exec(key)?.[1] ?? '';
    t.regex(accessKeyId, /^GK[0-9a-f]{24}$/);
    t.regex(secretKey, /^[0-9a-f]{64}$/);
    await run(
      ...['bucket', 'allow', '--read', '--write', '--owner', 'made-by-script', '--key', 'test-key'],
    );
    const s3 = new SignedRequests(server, 'made-by-script');
    const credentials = { accessKeyId, secretKey };
    const put = await s3.ask({ method: 'PUT', key: 'k', body: 'content', credentials });
    t.is(put.status, 200, put.body.toString());
    t.is((await s3.ask({ key: 'k', credentials })).body.toString(), 'content');
    t.is(errorCode(await s3.ask({ method: 'PUT', path: '/another', credentials })), 'AccessDenied');
    t.regex(await run('status'), /==== HEALTHY NODES ====/);
    t.regex(await run('bucket', 'info', 'made-by-script'), /Objects: +1\n/);
    await run('key', 'allow', '--create-bucket', accessKeyId);
    const renamed = await run('key', 'rename', 'test-key', 'renamed');
    t.regex(renamed, /Key name: +renamed/);
    const json = await run('json-api', 'GetClusterHealth');
    t.is((JSON.parse(json) as { status: string }).status, 'healthy');
    const occupied = await server.command('bucket', 'delete', '--yes', 'made-by-script');
    t.is(occupied.exitCode, 1, 'it is not empty');
    t.regex(occupied.stderr, /^Error: /);
    t.is(await server.end(), 0);
  },
);

test.serial('the command can be run by its own name, through a link, from anywhere', async t => {
  const directory = await scratchDirectory(t);
  const link = join(directory, 'garage');
  await symlink(GARAGE, link);
  const version = execFileSync(link, ['--version'], { cwd: directory }).toString();
  t.regex(version, /\d+\.\d+\.\d+/);
});

test.serial('a start takes little time', async t => {
  const server = await ownGarage(t, { directory: await scratchDirectory(t) });
  t.log(`${server.startMs.toFixed(0)} ms to the first answer`);
  t.true(server.startMs < 10_000);
  t.is(await server.end(), 0);
  const marker = await readFile(server.configPath, 'utf8');
  t.regex(marker, /metadata_dir/);
});
