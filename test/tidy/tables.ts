/**
 * What the tidy rules hold this project to.
 *
 * Owns:          the arrows between folders, the importers of each package, the banned names.
 * Knows:         our tree.
 * Must not know: how a rule is checked.
 *
 * Each outside package has one importer where that is possible, so that replacing it is a change to
 * one file. A new package or a new importer is a decision: make it here, where it is seen.
 */
import type { BannedName } from './banned-rules.ts';
import type { Arrows, Importers } from './import-rules.ts';

const PRODUCTION = ['schemas/', 'bus/', 'actors/', 'gateway/', 'deploy/'];
const ANYWHERE = [...PRODUCTION, 'test/', '.ci/'];
/** Where the platform itself may be touched; everyone else is handed a port. */
const OUTSIDE = ['deploy/', 'test/', '.ci/'];
/** The same for what makes a run differ from its replay: one file makes the ports. */
const CHANCE = ['deploy/real-environment.ts', 'deploy/prepare.mjs', 'test/'];

/** The doors of the gateway: none of them may know another. */
const DOORS = ['gateway/admin', 'gateway/k2v', 'gateway/s3', 'gateway/web'];

export const arrows: Arrows = {
  schemas: [],
  bus: ['schemas'],
  actors: ['schemas', 'bus'],
  gateway: ['schemas', 'bus', ...DOORS],
  ...Object.fromEntries(DOORS.map(door => [door, ['schemas', 'bus', 'gateway']])),
  deploy: ['schemas', 'bus', 'actors', 'gateway', ...DOORS],
  test: ['schemas', 'bus', 'actors', 'gateway', ...DOORS, 'deploy'],
};

export const importers: Importers = {
  // Packages that the program is made of.
  '@nats-io/nats-core': ['bus/nats-transport.ts'],
  '@nats-io/transport-node': ['bus/nats-client.ts', 'bus/nats-transport.ts', 'test/'],
  '@node-rs/crc32': [
    'actors/storage/block-format.ts',
    'actors/storage/data-directories.ts',
    'actors/storage/level-checksum.ts',
    'actors/storage/row-checksum.ts',
    'gateway/object/block-digest.ts',
    'gateway/object/checksum-maker.ts',
    'test/',
  ],
  'classic-level': ['actors/storage/level-store.ts', 'test/'],
  commander: ['deploy/cli/'],
  'fast-xml-parser': ['gateway/s3/s3-xml.ts', 'test/'],
  'hash-wasm': ['gateway/object/checksum-maker.ts', 'test/'],
  msgpackr: ['schemas/codec.ts', 'test/'],
  pino: ['deploy/log.ts'],
  'pino-pretty': ['deploy/log.ts'],
  'prom-client': ['gateway/metrics/metrics.ts'],
  'smol-toml': ['deploy/config-file.ts', 'test/'],
  typebox: ['gateway/admin/'],

  // Packages that only tests and tools use.
  '@aws-sdk/client-s3': ['test/'],
  '@aws-sdk/lib-storage': ['test/'],
  '@aws-sdk/s3-request-presigner': ['test/'],
  ava: ['test/'],
  'fast-check': ['test/'],
  minio: ['test/'],
  typescript: ['test/tidy/'],
  'typescript-eslint': ['.ci/eslint.config.mjs'],

  // Node: what computes.
  'node:buffer': ANYWHERE,
  'node:crypto': ANYWHERE,
  'node:events': ANYWHERE,
  'node:path': ANYWHERE,
  'node:stream': ANYWHERE,
  'node:url': ANYWHERE,
  'node:util': ['test/'],

  // Node: what touches the world.
  'node:child_process': OUTSIDE,
  'node:fs': [
    'actors/storage/disk-files.ts',
    'actors/storage/direct-writer.ts',
    // The file of a socket.
    'gateway/http/unix-socket.ts',
    ...OUTSIDE,
  ],
  'node:http': OUTSIDE,
  'node:module': ['gateway/http/uws-loader.ts', 'test/'],
  'node:net': [
    // Gives a connection memory to be read into.
    'bus/reading-socket.ts',
    // Parses addresses.
    'gateway/http/networks.ts',
    // The HTTP server where no uWebSockets.js has a binary.
    'gateway/http/net-connection.ts',
    'gateway/http/net-server.ts',
    'gateway/http/read-memory.ts',
    // Asks why uWebSockets.js could not listen.
    'gateway/http/unix-socket.ts',
    'gateway/http/uws-server.ts',
    // The type of a socket.
    'gateway/http/write-turn.ts',
    ...OUTSIDE,
  ],
  'node:os': OUTSIDE,
  'node:readline': OUTSIDE,
  'node:timers': ['test/'],
  'node:tls': ['test/'],
  // Large bodies are hashed off the main thread.
  'node:worker_threads': [
    'gateway/object/digest-thread.ts',
    'gateway/object/digest-worker.ts',
    ...OUTSIDE,
  ],
};

/** They write at the end of a turn of the event loop. */
const TURNS = ['bus/nats-transport.ts', 'gateway/http/write-turn.ts'];

export const bannedNames: readonly BannedName[] = [
  { name: 'Date.now', instead: 'take a Clock (schemas/environment.ts)', allowedIn: CHANCE },
  { name: 'new Date()', instead: 'take a Clock (schemas/environment.ts)', allowedIn: CHANCE },
  { name: 'performance', instead: 'take a Clock (schemas/environment.ts)', allowedIn: CHANCE },
  { name: 'process.hrtime', instead: 'take a Clock (schemas/environment.ts)', allowedIn: CHANCE },
  ...['setTimeout', 'setInterval', 'setImmediate'].map(name => ({
    name,
    instead: 'take Timers (schemas/environment.ts)',
    // The end of a turn of the event loop is no time that passes.
    allowedIn: name === 'setImmediate' ? [...CHANCE, ...TURNS] : CHANCE,
  })),
  ...[
    'Math.random',
    'randomBytes',
    'randomFill',
    'randomFillSync',
    'randomInt',
    'randomUUID',
    'getRandomValues',
    'webcrypto',
  ].map(name => ({
    name,
    instead: 'take Randomness (schemas/environment.ts)',
    allowedIn: CHANCE,
  })),
  {
    name: 'process.env',
    instead: 'take it as a setting from deploy/',
    // The official uWebSockets.js reads the size of a request's head from there, and nowhere else.
    allowedIn: ['gateway/http/uws-loader.ts', ...OUTSIDE],
  },
  { name: 'process.exit', instead: 'return, or throw, and let deploy/ decide', allowedIn: OUTSIDE },
  { name: 'console', instead: 'take a Log (schemas/telemetry.ts)', allowedIn: OUTSIDE },
];

/** Packages that are run or only give types, and so are imported by nobody. */
export const toolPackages: readonly string[] = [
  '@types/node',
  // Loaded by the name of its binary (gateway/http/uws-loader.ts).
  '@trufflesuite/uws-js-unofficial',
  'eslint',
  'prettier',
];

/** Files that are run, or loaded by name, and so imported by nobody. */
export const entryPoints: readonly string[] = [
  '.ci/',
  'deploy/garage.mjs',
  'deploy/start.mjs',
  'deploy/cli/main.ts',
  'deploy/development.ts',
  'test/run.mjs',
  'test/bench/bench.ts',
  'test/clients/run-clients.ts',
  'test/cluster/run-cluster.ts',
  'test/conformance/write-readme.ts',
  'test/faults/run-faults.ts',
  'test/simulation/run-simulation.ts',
  'test/support/echo-process.ts',
  // Imported by test/run.mjs from dist/, once that is there.
  'test/support/system-packages.ts',
  'test/support/tap-reader.ts',
  'test/support/test-report.ts',
];

export const topLevel: readonly string[] = [
  '.ci',
  '.gitignore',
  '.npmrc',
  'LICENSE',
  'README.md',
  'actors',
  'bus',
  'deploy',
  'gateway',
  'package-lock.json',
  'package.json',
  'schemas',
  'test',
  'tsconfig.json',
];
