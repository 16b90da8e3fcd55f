/**
 * A whole S3 door in process, on tables and blocks in memory, and a client that signs for it.
 *
 * Owns:          the wiring; three keys and a bucket; asking and reading an answer.
 * Knows:         the fakes.
 * Must not know: what is tested.
 */
import { makeS3Door, type S3Door } from '../../../gateway/s3/s3-door.ts';
import type { HttpReply, HttpRequest } from '../../../gateway/http/exchange.ts';
import { lifecycleCalendar } from '../../../schemas/lifecycle-calendar.ts';
import type { ObjectOwnership } from '../../../schemas/records/bucket-settings/access-settings.ts';
import { FakeDirectory } from '../../support/fake-directory.ts';
import { fakeRequest, replyBytes, replyHeader } from '../../support/fake-exchange.ts';
import { makeObjectWorld, type ObjectWorld } from '../../support/object-world.ts';
import { elements } from '../../support/signed-requests.ts';
import { SigV4Signer, sha256Hex, type HeaderPair } from '../../support/sigv4-signer.ts';
import { NaiveLists, type NaiveListsOptions } from './naive-lists.ts';

export const REGION = 'garage';
export const HOST = 's3.garage.test';
export const OWNER = 'GKowner0000';
export const READER = 'GKreader000';
export const STRANGER = 'GKstranger0';

export type Ask = {
  readonly method?: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers?: readonly HeaderPair[];
  readonly body?: string | Uint8Array;
  /** Who signs; `nobody` sends no signature. */
  readonly as?: string;
  readonly host?: string;
  /** x-amz-content-sha256 instead of the body's. */
  readonly payload?: string;
};

export type Answer = {
  readonly status: number;
  readonly reply: HttpReply;
  readonly text: string;
  readonly bytes: Buffer;
  /** The code of an error document. */
  readonly code: string | undefined;
  header(name: string): string | undefined;
  /** All texts of elements of that name, references decoded. */
  all(name: string): string[];
  /** The only one; undefined when there is none. */
  one(name: string): string | undefined;
};

export type S3World = {
  readonly door: S3Door;
  readonly objects: ObjectWorld;
  readonly directory: FakeDirectory;
  readonly lists: NaiveLists;
  ask(ask: Ask): Promise<Answer>;
  /** The request as the door gets it. */
  signed(ask: Ask): HttpRequest;
  signer(as?: string): SigV4Signer;
};

export function s3World(
  options: Partial<NaiveListsOptions> & {
    readonly rootDomain?: string;
    readonly ownership?: ObjectOwnership;
  } = {},
): S3World {
  const objects = makeObjectWorld();
  const { environment, clients, stamper, writer, reader, log, tables } = objects;
  const shards = options.shards ?? 1;
  const lists = new NaiveLists(tables, { ...options, shards });
  tables.interfere = request => lists.answer(request);
  const directory = new FakeDirectory();
  for (const id of [OWNER, READER, STRANGER]) {
    const canCreateBucket = id === OWNER;
    directory.keys.set(id, { secret: `secret of ${id}`, name: `name of ${id}`, canCreateBucket });
  }
  directory.addBucket('pictures', { [OWNER]: 'rwo', [READER]: 'r' }, shards);
  const { clock, random } = environment;
  const door = makeS3Door({
    ...{ region: REGION, rootDomain: options.rootDomain ?? HOST, punycode: 'refused' },
    defaultOwnership: options.ownership ?? 'BucketOwnerEnforced',
    calendar: lifecycleCalendar(86_400_000, undefined),
    ...{ ...clients, directory, writer, reader, stamper, clock, random, log },
  });
  const signer = (as = OWNER): SigV4Signer =>
    new SigV4Signer({ accessKeyId: as, secretKey: `secret of ${as}`, region: REGION });
  const signed = (ask: Ask): HttpRequest => signedRequest(ask, signer(ask.as), clock.wallMs());
  return {
    ...{ door, objects, directory, lists, signer, signed },
    ask: async ask => answerOf(await door.handler(signed(ask))),
  };
}

function signedRequest(ask: Ask, signer: SigV4Signer, timeMs: number): HttpRequest {
  const { method = 'GET', target, as = OWNER, host = HOST } = ask;
  const headers: HeaderPair[] = [['host', host], ...(ask.headers ?? [])];
  const body = ask.body === undefined ? undefined : Buffer.from(ask.body);
  if (as === 'nobody') return fakeRequest({ method, target, headers, body });
  const [path, query] = split(target);
  const payload = ask.payload ?? sha256Hex(body ?? '');
  const { headers: sent } = signer.sign({ method, path, query, headers, payload, timeMs });
  return fakeRequest({ method, target, headers: sent, body });
}

function split(target: string): [path: string, query: string] {
  const question = target.indexOf('?');
  return question < 0 ? [target, ''] : [target.slice(0, question), target.slice(question + 1)];
}

export async function answerOf(reply: HttpReply): Promise<Answer> {
  const bytes = await replyBytes(reply);
  const text = bytes.toString();
  const isError = text.includes('<Error><Code>');
  const all = (name: string): string[] => elements(text, name);
  return {
    ...{ status: reply.status, reply, text, bytes, all },
    code: isError ? all('Code')[0] : undefined,
    header: name => replyHeader(reply, name),
    one: name => all(name)[0],
  };
}

/** Encoded as AWS's signers do. */
export function queryOf(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${strictly(name)}=${strictly(value)}`)
    .join('&');
}

function strictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
