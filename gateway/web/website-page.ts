/**
 * One visit to a website: which object answers a path, or what is said instead.
 *
 * Owns:          index documents, the redirect of a folder without its slash, routing rules, error
 *                documents; their order.
 * Knows:         "Hosting a static website using Amazon S3"; Garage's rules that serve another key.
 * Must not know: hosts, CORS, how an object is read.
 *
 * Only objects are ever answered: a path is a key, and there is no way from it to a listing or to
 * another bucket. A rule is followed once: what it leads to is served, or is missing.
 */
import type { ObjectKey } from '../../schemas/ids.ts';
import { OBJECT_KEY_BYTES_MAX } from '../../schemas/limits.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { RoutingRule, WebsitePages } from '../../schemas/records/bucket-settings/website.ts';
import { isRewrite } from '../../schemas/records/bucket-settings/website.ts';
import type { Soon } from '../../schemas/soon.ts';
import { chain } from '../../schemas/soon.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { Authoriser } from '../auth/authoriser.ts';
import type { Site } from '../directory/site-names.ts';
import type { HttpReply, HttpRequest, RequestHeaders } from '../http/exchange.ts';
import { decodePercent } from '../http/percent-decoding.ts';
import { HeaderList } from '../http/request-headers.ts';
import { placeOfKey } from '../object/key-place.ts';
import { answerObject, type AnswerHooks } from '../object/object-answer.ts';
import type { ObjectReader } from '../object/object-reader.ts';
import { readFailure } from '../object/read-failure.ts';
import { errorPage, failureHeaders, type PageFailure } from './error-page.ts';
import {
  pathOfKey,
  querySuffix,
  redirectOf,
  replacedKey,
  ruleAfter,
  ruleBefore,
} from './routing.ts';

const REDIRECT_HEADER = 'x-amz-website-redirect-location';
const NO_OVERRIDES: ReadonlyMap<string, string> = new Map();
const NO_HEADERS: RequestHeaders = new HeaderList();

/** Stands for an answer that there is none; never sent. */
const ABSENT: HttpReply = { status: 404, headers: [] };
const NOT_FOUND: PageFailure = {
  status: 404,
  code: 'NoSuchKey',
  message: 'The specified key does not exist.',
  headers: [],
};
const BAD_PATH: PageFailure = {
  status: 400,
  code: 'InvalidURI',
  message: 'The path cannot be decoded.',
  headers: [],
};
const PATH_TOO_LONG: PageFailure = {
  status: 400,
  code: 'KeyTooLongError',
  message: 'The key is too long.',
  headers: [],
};

export type PageServices = {
  readonly reader: ObjectReader;
  readonly authoriser: Authoriser;
  readonly log: Log;
};

/** Never throws on purpose; what it throws all the same is a fault of ours. */
export function visitPages(
  services: PageServices,
  site: Site,
  website: WebsitePages,
  request: HttpRequest,
): Soon<HttpReply> {
  return new PageVisit(services, site, website, request).answer();
}

class PageVisit {
  readonly #services: PageServices;
  readonly #site: Site;
  readonly #website: WebsitePages;
  readonly #request: HttpRequest;
  readonly #want: 'content' | 'row';
  /** As the path names it, without index document. */
  #key = '';

  constructor(services: PageServices, site: Site, website: WebsitePages, request: HttpRequest) {
    this.#services = services;
    this.#site = site;
    this.#website = website;
    this.#request = request;
    this.#want = request.method === 'HEAD' ? 'row' : 'content';
  }

  answer(): Soon<HttpReply> {
    const key = decodePercent(this.#request.rawPath.slice(1));
    if (key === undefined) return this.#failed(BAD_PATH, 'rules-done');
    if (Buffer.byteLength(key) > OBJECT_KEY_BYTES_MAX) {
      return this.#failed(PATH_TOO_LONG, 'rules-done');
    }
    this.#key = key;
    const rule = ruleBefore(this.#website.routingRules, key);
    return rule === undefined ? this.#page() : this.#follow(rule, NOT_FOUND);
  }

  #page(): Soon<HttpReply> {
    return this.#guarded(
      () =>
        this.#answer(this.#indexed(this.#key), {
          absent: () => this.#folderOrNothing(),
          instead: objectRedirect,
        }),
      'rules-open',
    );
  }

  /** A folder's own page for what ends with a slash, and for the root. */
  #indexed(key: string): string {
    return key === '' || key.endsWith('/') ? key + this.#website.indexDocument : key;
  }

  #place(key: string): ObjectPlace {
    return placeOfKey(this.#site.bucket, key as ObjectKey);
  }

  /** Throws S3Error for what the bucket's policy denies. */
  #answer(key: string, hooks: AnswerHooks, headers = this.#request.headers): Soon<HttpReply> {
    const { authoriser, reader } = this.#services;
    const { bucket } = this.#site;
    const access = authoriser.checkVisit(bucket, key, this.#request);
    const question = {
      place: this.#place(key),
      want: this.#want,
      headers,
      partNumber: undefined,
      overrides: NO_OVERRIDES,
      wantsChecksum: false,
    };
    if (access === 'allowed') return answerObject(reader, question, hooks);
    return answerObject(reader, question, {
      ...hooks,
      instead: version => {
        authoriser.checkVisit(bucket, key, this.#request, version.tagging?.tags ?? []);
        return hooks.instead?.(version);
      },
    });
  }

  #folderOrNothing(): Soon<HttpReply> {
    const key = this.#key;
    if (key === '' || key.endsWith('/')) return this.#failed(NOT_FOUND, 'rules-open');
    const index = `${key}/${this.#website.indexDocument}`;
    return chain(this.#services.reader.find(this.#place(index), 'row'), found => {
      if (found === undefined) return this.#failed(NOT_FOUND, 'rules-open');
      const location = `${pathOfKey(key)}/${querySuffix(this.#request.rawQuery)}`;
      return { status: 302, headers: [['location', location]] };
    });
  }

  #follow(rule: RoutingRule, failure: PageFailure): Soon<HttpReply> {
    const { headers, rawQuery } = this.#request;
    if (isRewrite(rule)) return this.#rewrite(rule, failure);
    const hostHeader = headers.get('host') ?? '';
    const { status, location } = redirectOf(rule, { key: this.#key, hostHeader, rawQuery });
    return { status, headers: [['location', location]] };
  }

  /** Under 200 the other object is all there is; under 404 it is an error document. */
  #rewrite(rule: RoutingRule, failure: PageFailure): Soon<HttpReply> {
    const key = this.#indexed(replacedKey(rule, this.#key));
    const absent = (): Soon<HttpReply> => this.#failed(failure, 'rules-done');
    if (rule.redirectCode !== 200) return this.#serveUnder(NOT_FOUND, key, absent);
    return this.#guarded(
      () =>
        this.#answer(key, {
          absent,
          instead: objectRedirect,
        }),
      'rules-done',
    );
  }

  /** Turns refusals of a read into what the site says about them. */
  #guarded(read: () => Soon<HttpReply>, rules: 'rules-open' | 'rules-done'): Soon<HttpReply> {
    const refused = (thrown: unknown): Soon<HttpReply> => {
      const failure = readFailure(thrown);
      if (failure === undefined) throw thrown;
      if (failure.status >= 500) {
        this.#services.log.warn(
          { bucket: this.#site.bucket.id, code: failure.code, error: failure.cause },
          'a page of a website could not be read',
        );
      }
      return this.#failed(failure, rules);
    };
    try {
      const reply = read();
      return reply instanceof Promise ? reply.catch(refused) : reply;
    } catch (thrown) {
      return refused(thrown);
    }
  }

  #failed(failure: PageFailure, rules: 'rules-open' | 'rules-done'): Soon<HttpReply> {
    const { routingRules, errorDocument } = this.#website;
    const rule =
      rules === 'rules-open' ? ruleAfter(routingRules, this.#key, failure.status) : undefined;
    if (rule !== undefined) return this.#follow(rule, failure);
    const plain = (): HttpReply => errorPage(this.#request.method, failure, this.#key);
    if (errorDocument === undefined || failure.status >= 500) return plain();
    return this.#serveUnder(failure, errorDocument, plain);
  }

  /** Serves an object under the status of a failure, whole; `otherwise` where that cannot be. */
  #serveUnder(
    failure: PageFailure,
    key: string,
    otherwise: () => Soon<HttpReply>,
  ): Soon<HttpReply> {
    const finish = (reply: HttpReply): Soon<HttpReply> =>
      reply === ABSENT ? otherwise() : withFailure(reply, failure);
    const unreadable = (thrown: unknown): Soon<HttpReply> => {
      if (readFailure(thrown) === undefined) throw thrown;
      return otherwise();
    };
    try {
      const reply = this.#answer(key, { absent: () => ABSENT }, NO_HEADERS);
      return reply instanceof Promise ? reply.then(finish, unreadable) : finish(reply);
    } catch (thrown) {
      return unreadable(thrown);
    }
  }
}

/** A document under another status, with what tells programs why. */
function withFailure(reply: HttpReply, failure: PageFailure): HttpReply {
  const told = [...failureHeaders(failure), ['x-garage-error', failure.message] as const];
  return { ...reply, status: failure.status, headers: [...reply.headers, ...told] };
}

function objectRedirect({
  headers,
}: {
  readonly headers: readonly (readonly [name: string, value: string])[];
}): HttpReply | undefined {
  const location = headers.find(([name]) => name === REDIRECT_HEADER)?.[1];
  return location === undefined ? undefined : { status: 301, headers: [['location', location]] };
}
