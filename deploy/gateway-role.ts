/**
 * The doors of the gateway role: S3 and websites.
 *
 * Owns:          their wiring.
 * Knows:         gateway/s3, gateway/web, gateway/object.
 * Must not know: actors, files, the store.
 */
import { Authoriser } from '../gateway/auth/authoriser.ts';
import { BlockBuffers } from '../gateway/object/block-buffers.ts';
import { DigestPool } from '../gateway/object/digest-pool.ts';
import { ObjectReader } from '../gateway/object/object-reader.ts';
import { ReadBuffers } from '../gateway/object/read-buffers.ts';
import { ObjectWriter } from '../gateway/object/object-writer.ts';
import { numberedDoor } from '../gateway/http/numbered-door.ts';
import { RequestIds } from '../gateway/http/request-ids.ts';
import { makeS3Door, type S3Door } from '../gateway/s3/s3-door.ts';
import { websiteDoor, type WebsiteDoor } from '../gateway/web/website-door.ts';
import { READ_BUFFERS_MAX } from '../schemas/limits.ts';
import type { LifecycleCalendar } from '../schemas/lifecycle-calendar.ts';
import { GatewayService } from './gateway-service.ts';
import type { Administration, AdministrationOptions } from './administration.ts';

export type GatewayRoleOptions = AdministrationOptions & {
  readonly calendar: LifecycleCalendar;
  readonly administration: Administration;
};

export type GatewayRole = {
  /** What it answered, for NATS's own tools. */
  readonly service: GatewayService;
  openDoors(): Promise<void>;
  stop(): Promise<void>;
};

/** Slabs for bodies under way: with 64 uploads at once each has two. */
const SLAB_BYTES_MAX = 128 * 1024 * 1024;

export function makeGateway(options: GatewayRoleOptions): GatewayRole {
  const { config, clients, environment, stamper, log, administration } = options;
  const { tables, blocks } = clients;
  const { clock, random, timers } = environment;
  const service = new GatewayService();
  const digests = new DigestPool({
    onThreadDeath: error => {
      log.error({ error }, 'a hashing thread died; another takes its place');
    },
  });
  const buffers = new BlockBuffers({
    blockBytes: config.blockSizeBytes,
    bytesMax: Math.min(SLAB_BYTES_MAX, config.blockRamBufferBytesMax),
  });
  const common = { tables, blocks, stamper, timers, random, log };
  const writer = new ObjectWriter({ ...common, buffers, digests });
  const readBuffers = new ReadBuffers({
    blockBytes: config.blockSizeBytes,
    countMax: READ_BUFFERS_MAX,
  });
  const reader = new ObjectReader({ tables, blocks, buffers: readBuffers, clock });
  const s3 = makeS3Door({
    ...{ region: config.s3.region, rootDomain: config.s3.rootDomain },
    ...{ directory: administration.lookup, punycode: administration.ports.punycode },
    ...{ tables, blocks, writer, reader, stamper, clock, random, log },
    defaultOwnership: config.s3.defaultObjectOwnership,
    calendar: options.calendar,
    answered: request => {
      options.metrics.answered('s3', request);
      service.answered('s3', request);
    },
  });
  const countsHosts = config.web?.addHostToMetrics ?? false;
  const { sites } = administration;
  const authoriser = new Authoriser(clock);
  const web = websiteDoor({ sites, reader, authoriser, log, countsHosts });
  return {
    service,
    openDoors: async () => {
      await openS3Door(options, s3);
      await openWebsiteDoor(options, web, service);
    },
    stop: async () => {
      await digests.close();
    },
  };
}

async function openS3Door({ config, listeners }: GatewayRoleOptions, s3: S3Door): Promise<void> {
  if (config.s3.bind === undefined) return;
  const { bind, trustedProxies } = config.s3;
  const { handler, refuse } = s3;
  const { reusePort } = config;
  await listeners.open({ name: 'S3', bind, handler, refuse, reusePort, trustedProxies });
}

async function openWebsiteDoor(
  { config, environment, listeners, log, metrics }: GatewayRoleOptions,
  web: WebsiteDoor,
  service: GatewayService,
): Promise<void> {
  if (config.web === undefined) return;
  const { bind, trustedProxies } = config.web;
  const { clock, random } = environment;
  const website = numberedDoor({
    ...{ ids: new RequestIds(random), clock, log, door: 'website', ...web },
    answered: request => {
      metrics.answered('web', request);
      service.answered('web', request);
    },
  });
  const { reusePort } = config;
  await listeners.open({ name: 'website', bind, ...website, reusePort, trustedProxies });
}
