/**
 * The website door: buckets as websites, by their host names.
 *
 * Owns:          methods, hosts, redirects of whole sites, CORS; under which name a visit is
 *                counted.
 * Knows:         site names, CORS rules.
 * Must not know: which object answers a path; that is website-page.ts.
 *
 * A host without a website and a bucket that is none look alike: nobody learns which buckets exist.
 */
import type { Soon } from '../../schemas/soon.ts';
import { chain } from '../../schemas/soon.ts';
import { SettingsUnavailableError } from '../../bus/settings-client.ts';
import type { WebsiteConfiguration } from '../../schemas/records/bucket-settings/website.ts';
import { corsHeaders, matchCors, preflightHeaders, readPreflight } from '../cors/cors-match.ts';
import type { Site, SiteNames } from '../directory/site-names.ts';
import type { HttpHandler, HttpReply, HttpRequest } from '../http/exchange.ts';
import { hostName } from '../http/host-name.ts';
import { errorPage, type PageFailure } from './error-page.ts';
import { authority, pathOfKey, querySuffix } from './routing.ts';
import { visitPages, type PageServices } from './website-page.ts';

export type WebsiteDoorOptions = PageServices & {
  readonly sites: SiteNames;
  /** Whether visits are counted by host (`add_host_to_metrics`). */
  readonly countsHosts: boolean;
};

export type WebsiteDoor = {
  readonly handler: HttpHandler;
  /** The name of a visit in log and metrics, once it was answered: of a bounded set. */
  readonly endpointOf: (request: HttpRequest) => string;
};

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const OTHER_METHOD = '-';
/** Hosts that are counted apart; later ones are counted together. */
const HOSTS_COUNTED_MAX = 1000;
const VISIBLE = /^[!-~]*$/;

export function websiteDoor(options: WebsiteDoorOptions): WebsiteDoor {
  const hosts = new Set<string>();
  return {
    handler: request => answer(options, hosts, request),
    endpointOf: ({ method, headers }) => {
      const name = METHODS.has(method) ? method : OTHER_METHOD;
      const host = options.countsHosts ? hostName(headers.get('host') ?? '') : undefined;
      return host !== undefined && hosts.has(host) ? `${name} ${host}` : name;
    },
  };
}

function answer(
  options: WebsiteDoorOptions,
  hosts: Set<string>,
  request: HttpRequest,
): Soon<HttpReply> {
  const { method, headers } = request;
  if (!METHODS.has(method)) {
    return errorPage(method, {
      ...failure(405, 'MethodNotAllowed', 'A website is read, and nothing else.'),
      headers: [['allow', [...METHODS].join(', ')]],
    });
  }
  const reply = chain(options.sites.siteOf(headers.get('host') ?? ''), site => {
    if (site === undefined) {
      return errorPage(
        method,
        failure(404, 'NoSuchWebsiteConfiguration', 'There is no website at this address.'),
      );
    }
    if (hosts.size < HOSTS_COUNTED_MAX) hosts.add(site.host);
    if (method === 'OPTIONS') return preflight(site, request);
    return chain(visit(options, site, request), visited => withCors(site, request, visited));
  });
  return reply instanceof Promise ? reply.catch(unavailablePage(method)) : reply;
}

/** Too few of those who keep names and buckets can be reached; anything else is a bug. */
function unavailablePage(method: string): (thrown: unknown) => HttpReply {
  return thrown => {
    if (!(thrown instanceof SettingsUnavailableError)) throw thrown;
    return errorPage(method, failure(503, 'ServiceUnavailable', 'Try again later.'));
  };
}

function visit(services: PageServices, site: Site, request: HttpRequest): Soon<HttpReply> {
  const { website } = site;
  return website.kind === 'pages'
    ? visitPages(services, site, website, request)
    : redirectAll(website, request);
}

function redirectAll(
  { hostName: host, protocol }: Extract<WebsiteConfiguration, { kind: 'redirect-all' }>,
  { rawPath, rawQuery }: HttpRequest,
): HttpReply {
  const path = VISIBLE.test(rawPath) ? rawPath : pathOfKey(rawPath.slice(1));
  const location = authority(host, protocol) + path + querySuffix(rawQuery);
  return { status: 301, headers: [['location', location]] };
}

function withCors({ bucket }: Site, { method, headers }: HttpRequest, reply: HttpReply): HttpReply {
  const { cors } = bucket;
  if (cors === undefined) return reply;
  return { ...reply, headers: [...reply.headers, ...corsHeaders(cors, method, headers)] };
}

function preflight({ bucket }: Site, { method, headers }: HttpRequest): HttpReply {
  const asked = readPreflight(headers);
  if (asked.kind === 'insufficient') {
    return errorPage(method, failure(400, 'BadRequest', asked.message));
  }
  const match = matchCors(bucket.cors ?? [], asked.question);
  if (match !== undefined) {
    return { status: 200, headers: preflightHeaders(match, asked.question) };
  }
  return errorPage(
    method,
    failure(403, 'AccessForbidden', 'No CORS rule allows this origin, method and these headers.'),
  );
}

function failure(status: number, code: string, message: string): PageFailure {
  return { status, code, message, headers: [] };
}
