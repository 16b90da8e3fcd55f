// Method: commands run in process against a real control door on a free port, behind which are the
// real actors for settings and layout. What is printed and the exit code are looked at.
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { WorkerJournal } from '../../../actors/runtime/worker-journal.ts';
import { numberVariable } from '../../../actors/runtime/worker-registry.ts';
import { runCommand } from '../../../deploy/cli/main.ts';
import { ensureNodeId, ensureRpcSecret } from '../../../deploy/node-identity.ts';
import { realEnvironment } from '../../../deploy/real-environment.ts';
import { controlDoor } from '../../../gateway/admin/control-door.ts';
import type { HttpHandler } from '../../../gateway/http/exchange.ts';
import { startHttpServer } from '../../../gateway/http/http-server.ts';
import { adminWorld, NODE, type AdminWorld } from '../../gateway/admin/admin-world.ts';

const SECRET = '5e'.repeat(32);

type Ran = { readonly code: number; readonly out: readonly string[]; readonly err: string };
type Cli = AdminWorld & {
  readonly run: (...argv: string[]) => Promise<Ran>;
  readonly address: string;
};

async function serve(t: ExecutionContext, handler: HttpHandler): Promise<number> {
  const { clock, timers } = realEnvironment;
  const options = { host: '127.0.0.1', port: 0, handler, clock, timers, log: () => undefined };
  const server = await startHttpServer(options);
  t.teardown(() => {
    server.closeAll();
  });
  return server.port;
}

/** Runs one command with the given flags and variables before it. */
async function runWith(
  world: { readonly variables?: Record<string, string>; readonly input?: string },
  argv: readonly string[],
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommand(argv, {
    variables: world.variables ?? {},
    directories: [],
    random: realEnvironment.random,
    nowMs: () => realEnvironment.clock.wallMs(),
    print: line => out.push(...line.split('\n')),
    tell: line => err.push(line),
    readInput: () => world.input ?? '',
  });
  return { code, out, err: err.join('\n') };
}

async function cli(t: ExecutionContext): Promise<Cli> {
  const world = adminWorld();
  const { clock, random } = realEnvironment;
  const { ports, log } = world;
  const port = await serve(t, controlDoor({ ports, rpcSecret: SECRET, clock, random, log }));
  const address = `${NODE}@127.0.0.1:${String(port)}`;
  const run = (...argv: string[]): Promise<Ran> =>
    runWith({}, ['-h', address, '-s', SECRET, ...argv]);
  return { ...world, run, address };
}

test('a node gets its first layout as scripts for Garage give it', async t => {
  const { run } = await cli(t);
  const status = await run('status');
  t.is(status.code, 0);
  t.regex(status.out.join('\n'), /NO ROLE ASSIGNED/);
  t.is((await run('health', '-q')).code, 1);

  t.is(
    (await run('layout', 'assign', NODE.slice(0, 8), '-z', 'dc1', '-c', '1G', '-t', 'x')).code,
    0,
  );
  t.regex((await run('layout', 'show')).out.join('\n'), / {4}garage layout apply --version 1/);
  const unasked = await run('layout', 'apply');
  t.is(unasked.code, 1);
  t.regex(unasked.err, /^Error: .*--version 1/);
  const wrong = await run('layout', 'apply', '--version', '2');
  t.is(wrong.code, 1);
  t.regex(wrong.err, /^Error: ApplyClusterLayout returned InternalError \(500\): /);
  const applied = await run('layout', 'apply', '--version', '1');
  t.is(applied.code, 0);
  t.is(applied.out[0], '==== COMPUTATION OF A NEW PARTITION ASSIGNATION ====');
  t.is((await run('health')).code, 0);
  t.regex((await run('stats', '-a')).out.join('\n'), /==== CLUSTER STATISTICS ====/);
  t.is((await run('layout', 'history')).out[2], '#1       Current  1              0');
});

test('an assignment keeps what is not said, and says what is missing', async t => {
  const { run } = await cli(t);
  const fails = async (...argv: string[]): Promise<string> => (await run(...argv)).err;
  t.regex(await fails('layout', 'assign', NODE, '-c', '1G'), /--zone/);
  t.regex(await fails('layout', 'assign', NODE, '-z', 'a'), /--capacity/);
  t.regex(await fails('layout', 'assign', NODE, '-z', 'a', '-c', '1G', '-g'), /either/);
  t.regex(await fails('layout', 'assign', NODE, '-z', 'a', '-c', 'much'), /no size/);
  t.regex(await fails('layout', 'assign', 'ffff', '-z', 'a', '-g'), /ffff/);

  await run('layout', 'assign', `${NODE}@127.0.0.1:1`, '-z', 'a', '-c', '1G', '-t', 'x', '-t', 'y');
  await run('layout', 'assign', NODE, '-z', 'b');
  const shown = (await run('layout', 'show')).out.join('\n');
  t.regex(shown, /aaaaaaaaaaaaaaaa {2}\[x,y\] {2}b {5}953\.7 MiB/);
  t.is((await run('layout', 'revert')).code, 1, 'only with --yes');
  t.is((await run('layout', 'revert', '--yes')).code, 0);
  t.notRegex((await run('layout', 'show')).out.join('\n'), /STAGED/);
  t.is((await run('layout', 'config', '-r', 'max')).code, 0);
  t.is((await run('layout', 'remove', NODE)).code, 1, 'it has no role');
});

test('a key and a bucket are made, joined, named, limited, and taken apart', async t => {
  const { run } = await cli(t);
  const made = await run('key', 'create', 'app');
  const keyId = /GK[0-9a-f]{24}/.exec(made.out.join())?.[0] ?? '';
  const secret = made.out.find(line => line.startsWith('Secret key:'))?.slice(21) ?? '';
  t.regex(secret, /^[0-9a-f]{64}$/);
  t.is((await run('bucket', 'create', 'web')).code, 0);

  const allowed = await run('bucket', 'allow', '--read', '--owner', 'web', '--key', 'app');
  t.regex(allowed.out.at(-1) ?? '', new RegExp(`^R O {10}${keyId} {2}app$`));
  t.is((await run('bucket', 'alias', '--local', keyId, 'web', 'mine')).code, 0);
  t.is((await run('bucket', 'alias', 'web', 'site.example')).code, 0);
  const denied = await run('bucket', 'deny', '--owner', 'web', '--key', 'app');
  t.regex(denied.out.at(-1) ?? '', /^R {12}.*mine$/);
  t.regex((await run('bucket', 'list')).out[1] ?? '', /site\.example, \.\.\. \(2\) {2}GK.*:mine$/);

  const quotas = await run(
    'bucket',
    'set-quotas',
    '--max-size',
    '1GiB',
    '--max-objects',
    '9',
    'web',
  );
  t.true(quotas.out.some(line => /maximum size: +1\.1 GB \(1\.0 GiB\)/.test(line)));
  const lifted = await run('bucket', 'set-quotas', '--max-size', 'none', 'web');
  t.false(lifted.out.some(line => line.includes('maximum size')));
  t.true(
    lifted.out.some(line => /number of objects: +9/.test(line)),
    'the other one stays',
  );
  const site = await run('bucket', 'website', '--allow', 'web', '-e', 'err.html');
  t.true(site.out.some(line => /index document: +index\.html/.test(line)));
  t.is((await run('bucket', 'website', 'web')).code, 1);
  t.is((await run('bucket', 'website', '--allow', '--deny', 'web')).code, 1);

  t.regex((await run('bucket', 'delete', 'web')).err, /--yes/);
  const sharded = await run('bucket', 'create', 'wide', '--index-shards', '16');
  t.true(sharded.out.some(line => /^Index shards: +16$/.test(line)));
  t.is((await run('bucket', 'create', 'wider', '--index-shards', '257')).code, 1);
  t.regex((await run('bucket', 'delete', '--yes', 'web')).err, /site\.example/);
  t.is((await run('bucket', 'unalias', 'site.example')).code, 0);
  t.regex((await run('bucket', 'delete', '--yes', 'web')).err, /mine/);
  t.is((await run('bucket', 'unalias', '--local', 'app', 'nosuch')).code, 1);
  t.is((await run('bucket', 'unalias', '--local', 'app', 'mine')).code, 0);
  t.is((await run('bucket', 'unalias', 'web')).code, 1, 'the last name stays');
  t.is((await run('bucket', 'delete', '--yes', 'web')).code, 0);
  t.is(
    (await run('bucket', 'info', 'web')).err,
    'Error: GetBucketInfo returned NoSuchBucket (404): Bucket not found: web',
  );
});

test('keys are shown, changed and deleted', async t => {
  const { run } = await cli(t);
  await run('key', 'import', 'GK5a1d2f218a2e', 's'.repeat(20), '-n', 'imp', '--yes');
  t.is((await run('key', 'import', 'GK5a1d2f218a2f', 's'.repeat(20))).code, 1, 'only with --yes');
  t.true((await run('key', 'info', 'imp')).out.includes('Secret key:          (redacted)'));
  const shown = await run('key', 'info', 'imp', '--show-secret');
  t.true(shown.out.includes(`Secret key:          ${'s'.repeat(20)}`));
  const changed = await run('key', 'allow', 'imp', '--create-bucket');
  t.true(changed.out.includes('Can create buckets:  true'));
  t.true((await run('key', 'deny', 'imp', '--create-bucket')).out.join().includes('false'));
  t.is((await run('key', 'allow', 'imp')).code, 1);
  t.is((await run('key', 'rename', 'imp', 'other')).code, 0);
  t.notRegex((await run('key', 'set', 'other', '--expires-in', '1d')).out.join(), /never/);
  t.regex((await run('key', 'set', 'other', '--never-expires')).out.join(), /never/);
  t.is((await run('key', 'set', 'other')).code, 1);
  t.regex(
    (await run('key', 'list')).out[1] ?? '',
    /^GK5a1d2f218a2e {2}\d{4}-.* {2}other {2}never$/,
  );
  t.is((await run('key', 'delete', 'other')).code, 1, 'only with --yes');
  t.is((await run('key', 'delete', 'other', '--yes')).code, 0);
  t.is((await run('key', 'delete-expired', '--yes')).code, 0);
  t.is((await run('key', 'list')).out.length, 1);
});

test('the content of buckets is looked at and cleaned up', async t => {
  const { run, inspector } = await cli(t);
  await run('bucket', 'create', 'web');
  const cleaned = await run('bucket', 'cleanup-incomplete-uploads', '--older-than', '1h', 'web');
  t.regex(cleaned.out[0] ?? '', /^[0-9a-f]{16}: 1 uploads deleted$/);
  t.is(inspector.cleanups[0]?.olderThanMs, 3_600_000);
  t.is((await run('bucket', 'inspect-object', 'web', 'nosuch')).code, 1);
});

test('json-api calls any operation and prints fields in alphabetical order', async t => {
  const { run, address } = await cli(t);
  const { code, out } = await run('json-api', 'GetClusterHealth');
  t.is(code, 0);
  const names = out.flatMap(line => /^ {2}"(\w+)"/.exec(line)?.slice(1) ?? []);
  t.is(names.length, 8);
  t.deepEqual(names, names.toSorted());
  const made = await run('json-api', 'CreateKey', '{"name":"k"}');
  const { accessKeyId: id } = JSON.parse(made.out.join('\n')) as { accessKeyId: string };
  const renamed = await run('json-api', 'UpdateKey', JSON.stringify({ id, body: { name: 'n' } }));
  t.regex(renamed.out.join('\n'), /"name": "n"/);
  const input = JSON.stringify({ search: 'n' });
  const piped = await runWith({ input }, [
    '-h',
    address,
    '-s',
    SECRET,
    'json-api',
    'GetKeyInfo',
    '-',
  ]);
  t.regex(piped.out.join('\n'), new RegExp(id));
  t.regex((await run('json-api', 'Nosuch')).err, /InvalidRequest \(400\)/);
  t.is((await run('json-api', 'GetKeyInfo', '{')).code, 1);
});

test('mistakes in the command line end with exit code 1 and say what is wrong', async t => {
  const { run } = await cli(t);
  for (const argv of [
    ['nosuch'],
    ['bucket', 'nosuch'],
    ['bucket', 'info'],
    ['bucket', 'allow', 'web', '--read'],
    ['status', '--nosuch'],
    ['bucket'],
    [],
  ]) {
    const { code, err } = await run(...argv);
    t.is(code, 1, argv.join(' '));
    t.not(err, '');
  }
  t.regex((await run('nosuch')).err, /^Error: /);
});

test('help and version are asked for in full, since -h is a node', async t => {
  const help = await runWith({}, ['--help']);
  t.is(help.code, 0);
  t.regex(help.out.join('\n'), /-h, --rpc-host/);
  t.regex((await runWith({}, ['bucket', 'allow', '--help'])).out.join('\n'), /--owner/);
  t.regex((await runWith({}, ['--version'])).out[0] ?? '', /^garage \d+\.\d+\.\d+ \[features: /);
});

test('the node that answers must have the secret and be the one that was asked for', async t => {
  const { address } = await cli(t);
  const other = ['-s', '00'.repeat(32), 'status'];
  t.regex((await runWith({}, ['-h', address, ...other])).err, /another rpc_secret/);
  const stranger = address.replace(/^a+/, 'bbbb');
  t.regex((await runWith({}, ['-h', stranger, '-s', SECRET, 'status'])).err, /and not bbbb/);
  t.regex((await runWith({}, ['-h', 'nowhere', '-s', SECRET, 'status'])).err, /no address/);
  t.regex((await runWith({}, ['-h', address, '-s', 'short', 'status'])).err, /64 hex digits/);
  const variables = { GARAGE_RPC_HOST: address, GARAGE_RPC_SECRET: SECRET };
  t.is((await runWith({ variables }, ['status'])).code, 0);
});

test('an answer that nobody vouches for is not believed', async t => {
  const forger = createServer((_, response) => {
    response.end(JSON.stringify({ nonce: 'ab'.repeat(32), nodeId: NODE }));
  });
  await new Promise<void>(resolve => forger.listen(0, '127.0.0.1', resolve));
  t.teardown(() => forger.close());
  const { port } = forger.address() as AddressInfo;
  const ran = await runWith({}, ['-h', `127.0.0.1:${String(port)}`, '-s', SECRET, 'status']);
  t.is(ran.code, 1);
  t.regex(ran.err, /not a node with this rpc_secret/);
  t.deepEqual(ran.out, []);
});

test('when nobody answers the next step is said', async t => {
  const { code, err } = await runWith({}, ['-h', '127.0.0.1:1', '-s', SECRET, 'status']);
  t.is(code, 1);
  t.regex(err, /garage server/);
});

function configured(t: ExecutionContext, port: number, more = ''): [string, string] {
  const home = mkdtempSync(join(tmpdir(), 'garage-cli-'));
  t.teardown(() => {
    rmSync(home, { recursive: true, force: true });
  });
  const meta = join(home, 'meta');
  const file = join(home, 'garage.toml');
  const text = `metadata_dir = "${meta}"\ndata_dir = "d"\nreplication_factor = 1
rpc_bind_addr = "0.0.0.0:${String(port)}"\n${more}`;
  writeFileSync(file, text);
  return [file, meta];
}

test('address and secret come from the configuration and its directory', async t => {
  const world = adminWorld();
  const { clock, random } = realEnvironment;
  const [, meta] = configured(t, 0);
  const rpcSecret = ensureRpcSecret((ensureNodeId(meta, random), meta), random);
  const { ports, log } = world;
  const port = await serve(t, controlDoor({ ports, rpcSecret, clock, random, log }));
  const [file] = configured(t, port, `rpc_secret = "${rpcSecret}"\n`);
  t.is((await runWith({}, ['-c', file, 'status'])).code, 0);

  const [bare] = configured(t, port);
  t.regex((await runWith({}, ['-c', bare, 'status'])).err, /garage server/, 'no secret yet');
  t.regex((await runWith({}, ['-c', `${file}.no`, 'status'])).err, /cannot be read/);
  t.regex((await runWith({}, ['status'])).err, /No configuration file/);
});

test('the id of a node is printed while it does not run', async t => {
  const [file, meta] = configured(t, 1, 'rpc_public_addr = "example.org:3901"\n');
  t.is((await runWith({}, ['-c', file, 'node', 'id'])).code, 1, 'not before its first start');
  const id = ensureNodeId(meta, realEnvironment.random);
  const quiet = await runWith({}, ['-c', file, 'node', 'id', '-q']);
  t.deepEqual(quiet, { code: 0, out: [`${id}@example.org:3901`], err: '' });
  const explained = await runWith({}, ['-c', file, 'node', 'id']);
  t.deepEqual(explained.out, quiet.out);
  t.regex(explained.err, /garage -h/);
});

test('workers are listed, tuned and sent to work', async t => {
  const { run, registry, environment } = await cli(t);
  const journal = new WorkerJournal(environment.clock);
  registry.add({ journal, report: () => ({ name: 'Block scrub worker', state: 'idle' }) });
  let rest = 4;
  registry.addVariable(
    numberVariable({
      ...{ name: 'scrub-tranquility', least: 0, most: 10, read: () => rest },
      write: value => {
        rest = value;
      },
    }),
  );
  const launched: string[] = [];
  for (const repair of ['blocks', 'multipartUploads', 'scrub-start'] as const) {
    registry.addRepair(repair, async () => {
      launched.push(repair);
      return undefined;
    });
  }
  const short = NODE.slice(0, 16);
  t.regex((await run('worker', 'list')).out[1] ?? '', /^1 {4}Idle {3}Block scrub worker/);
  t.is((await run('worker', 'info', '1')).out[0], 'Task id:           1');
  t.is((await run('worker', 'info', '7')).code, 1);
  t.deepEqual((await run('worker', 'get')).out, [`${short}  scrub-tranquility  4`]);
  t.deepEqual((await run('worker', 'set', 'scrub-tranquility', '3')).out, [
    `${short}  scrub-tranquility  3`,
  ]);
  const wrong = await run('worker', 'set', '-a', 'scrub-tranquility', '99');
  t.is(wrong.code, 1);
  t.regex(wrong.err, /from 0 to 10/);
  t.is((await run('repair', 'blocks')).code, 1, 'it wants --yes');
  t.deepEqual((await run('repair', '--yes', 'blocks')).out, [`${short}  Repair launched`]);
  t.is((await run('repair', '-a', '--yes', 'mpu')).code, 0);
  t.is((await run('repair', 'scrub', 'start')).code, 0);
  t.deepEqual(launched, ['blocks', 'multipartUploads', 'scrub-start']);
  const nothing = await run('repair', '--yes', 'rebalance');
  t.is(nothing.code, 0);
  t.regex(nothing.out[0] ?? '', /^a{16} {2}Error: /);
  t.regex((await run('repair', 'scrub', 'status')).out.join('\n'), /scrub-tranquility {2}3/);
});

test('dead nodes are skipped and replaced where there are any', async t => {
  const { run } = await cli(t);
  await run('layout', 'assign', NODE, '-z', 'dc1', '-c', '1G');
  await run('layout', 'apply', '--version', '1');
  t.regex((await run('layout', 'skip-dead-nodes')).err, /--version 1/);
  const skipped = await run('layout', 'skip-dead-nodes', '--version', '1');
  t.is(skipped.code, 1);
  t.regex(skipped.err, /no change of layout is under way/);
  t.regex((await run('node', 'replace', 'bb', NODE)).err, /No node's id begins with bb/);
  t.regex((await run('node', 'replace', NODE, NODE)).err, /has a role already/);
});

test('nodes are not connected by hand', async t => {
  const { run } = await cli(t);
  const { code, err } = await run('node', 'connect', `${NODE}@127.0.0.1:1`);
  t.is(code, 1);
  t.regex(err, /^Error: .*\[nats\]/);
});

test('the defaults of a server need --single-node and their variables', async t => {
  const [file] = configured(t, 1);
  const server = (...flags: string[]): Promise<Ran> =>
    runWith({}, ['-c', file, 'server', ...flags]);
  t.regex((await server('--default-bucket')).err, /--single-node/);
  t.regex((await server('--single-node', '--default-bucket')).err, /GARAGE_DEFAULT_ACCESS_KEY/);
  const variables = { GARAGE_DEFAULT_ACCESS_KEY: 'GK5a1d2f218a2e' };
  const half = await runWith({ variables }, [
    '-c',
    file,
    'server',
    '--single-node',
    '--default-bucket',
  ]);
  t.regex(half.err, /set both/);
});

test('a server with more replicas than one is refused without [nats]', async t => {
  const [three] = configured(t, 1, '');
  writeFileSync(
    three,
    'metadata_dir = "m"\ndata_dir = "d"\nreplication_factor = 3\nrpc_bind_addr = "[::]:1"\n',
  );
  t.regex((await runWith({}, ['-c', three, 'server'])).err, /^Error: replication_factor/);
});

test('the password of the NATS user is made of rpc_secret, and is the same on every node', async t => {
  const password = createHmac('sha256', Buffer.from(SECRET, 'hex'))
    .update('garage nats')
    .digest('hex');
  const [file] = configured(t, 1, `rpc_secret = "${SECRET}"\n`);
  t.deepEqual((await runWith({}, ['-c', file, 'node', 'nats-password'])).out, [password]);
  t.deepEqual((await runWith({}, ['-s', SECRET, 'node', 'nats-password'])).out, [password]);
});
