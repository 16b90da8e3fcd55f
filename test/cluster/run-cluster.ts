/**
 * `npm run cluster`: three sites on this machine, until Ctrl-C.
 *
 * Owns:          the command line, what is printed, the end.
 * Knows:         the trial cluster.
 * Must not know: how it is made.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureSystemPackages, TEST_RUN_PACKAGES } from '../support/system-packages.ts';
import type { RoundTrips } from './links.ts';
import { SITE_NAMES, TrialCluster } from './trial-cluster.ts';

const USAGE = `npm run cluster [-- OPTIONS]

  --rtt MS           one round trip between all sites; 0: no proxy between them
                     (by default 20, 50 and 80 ms)
  --dir DIR          keeps the data there; a second start goes on with it
  --restart SECONDS  starts again what died, that long after
  --json             prints one line for scripts once all is healthy
`;

const ROUND_TRIPS_MS: Readonly<Record<string, number>> = {
  'lille paris': 20,
  'lyon paris': 50,
  'lille lyon': 80,
};

type Options = {
  readonly roundTrips: RoundTrips | undefined;
  readonly directory: string | undefined;
  readonly restartMs: number | undefined;
  readonly isJson: boolean;
};

class UsageError extends Error {
  override readonly name = 'UsageError';
}

function readOptions(parameters: readonly string[]): Options | 'help' {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...parameters],
      options: {
        rtt: { type: 'string' },
        dir: { type: 'string' },
        restart: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (values.help) return 'help';
  const rtt = numberOf('--rtt', values.rtt);
  const restart = numberOf('--restart', values.restart);
  return {
    roundTrips: rtt === 0 ? undefined : (one, other) => rtt ?? distance(one, other),
    directory: values.dir === undefined ? undefined : resolve(values.dir),
    restartMs: restart === undefined ? undefined : restart * 1000,
    isJson: values.json,
  };
}

function distance(one: string, other: string): number {
  return ROUND_TRIPS_MS[[one, other].sort().join(' ')] ?? 0;
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new UsageError(`${name} needs a number, not ${text}`);
}

function announce(cluster: TrialCluster, directory: string): void {
  const { accessKeyId, secretKey } = cluster.settings.credentials;
  const [first] = cluster.sites;
  const lines = cluster.sites.map(({ name, files: { ports } }) =>
    [
      `  ${name.padEnd(6)}  S3 http://127.0.0.1:${ports.s3}`,
      `website http://127.0.0.1:${ports.web}`,
      `admin http://127.0.0.1:${ports.gatewayAdmin}`,
    ].join('  '),
  );
  const garage = `npx garage -c ${first?.files.storageConfig ?? ''}`;
  const target = first?.target;
  const text = [
    ...['', `Garage is ready in ${SITE_NAMES.length} sites.`, '', ...lines, ''],
    `  Region      ${target?.region ?? ''}`,
    `  Key id      ${accessKeyId}`,
    `  Secret key  ${secretKey}`,
    `  Bucket      ${target?.bucket ?? ''}`,
    `  Directory   ${directory}`,
    ...['', 'Commands to try:', '', `  ${garage} status`, `  ${garage} layout show`],
    ...['', 'Ctrl-C ends it.', ''],
  ];
  console.log(text.join('\n'));
}

/** The first signal ends the cluster in order; whoever is in a hurry sends a second one. */
function untilSignal(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        resolve();
      });
    }
  });
}

async function run(options: Options): Promise<number> {
  const ensured = ensureSystemPackages(TEST_RUN_PACKAGES);
  if (ensured.kind === 'missing') {
    console.error(ensured.explanation);
    return 1;
  }
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'garage-cluster-'));
  const { roundTrips, restartMs } = options;
  const ending = untilSignal();
  const cluster = await TrialCluster.launch({
    ...{ directory, roundTrips },
    ...(restartMs === undefined ? {} : { restartMs }),
    tell: line => {
      console.error(line);
    },
  });
  const ready = cluster.prepare().then(async () => {
    await cluster.untilHealthy();
    return 'ready' as const;
  });
  ready.catch(() => undefined);
  try {
    if ((await Promise.race([ready, ending])) === 'ready') {
      if (options.isJson) process.stdout.write(`${JSON.stringify(cluster.describe())}\n`);
      else announce(cluster, directory);
      await ending;
    }
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    await cluster.stop();
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

async function main(parameters: readonly string[]): Promise<number> {
  try {
    const options = readOptions(parameters);
    if (options !== 'help') return await run(options);
    console.log(USAGE);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
