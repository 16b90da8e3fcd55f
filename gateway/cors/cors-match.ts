/**
 * Which CORS rule of a bucket holds for a request of a web page, and what the answer then says.
 *
 * Owns:          the matching, the headers.
 * Knows:         "How does Amazon S3 evaluate the CORS configuration on a bucket?"; the Fetch
 *                standard, "CORS protocol".
 * Must not know: doors, buckets beyond their rules.
 *
 * One origin is told: the one that asks, or `*` where a rule allows just anybody. Credentials are
 * allowed only to an origin that stands in a rule letter by letter; one that matched a wildcard was
 * not chosen by anyone. Matching is a comparison of beginnings and ends: no input makes it slow.
 */
import type { CorsRule } from '../../schemas/records/bucket-settings/cors-rules.ts';
import type { ReplyHeaders, RequestHeaders } from '../http/exchange.ts';

export type CorsQuestion = {
  readonly origin: string;
  readonly method: string;
  /** Lower-case names that a preflight asks for. */
  readonly headerNames: readonly string[];
};

export type CorsMatch = {
  readonly rule: CorsRule;
  /** The AllowedOrigin that matched. */
  readonly pattern: string;
};

const ANY = '*';
const ORIGIN_NULL = 'null';
/** Answers differ by all three, whether a rule matched or not. */
const VARY = [
  'Vary',
  'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
] as const;
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/** The first rule that allows it; undefined: none does. */
export function matchCors(
  rules: readonly CorsRule[],
  { origin, method, headerNames }: CorsQuestion,
): CorsMatch | undefined {
  for (const rule of rules) {
    if (!rule.allowedMethods.includes(method)) continue;
    const pattern = rule.allowedOrigins.find(candidate => matchesPattern(candidate, origin));
    if (pattern === undefined) continue;
    if (headerNames.every(name => isAllowedHeader(rule, name))) return { rule, pattern };
  }
  return undefined;
}

function isAllowedHeader({ allowedHeaders }: CorsRule, name: string): boolean {
  return allowedHeaders.some(pattern => matchesPattern(pattern.toLowerCase(), name));
}

/** At most one `*`, which stands for any characters or none. */
function matchesPattern(pattern: string, text: string): boolean {
  const star = pattern.indexOf(ANY);
  if (star < 0) return pattern === text;
  const end = pattern.length - star - 1;
  return (
    text.length >= star + end &&
    text.startsWith(pattern.slice(0, star)) &&
    text.endsWith(pattern.slice(star + 1))
  );
}

/**
 * What the answer to a request says in a bucket with rules; whatever its status. S3 judges the
 * request by the method and headers of a preflight, where it carries them: no browser sends these.
 */
export function corsHeaders(
  rules: readonly CorsRule[],
  method: string,
  headers: RequestHeaders,
): ReplyHeaders {
  const origin = headers.get('origin');
  if (origin === undefined) return [VARY];
  const asked = headers.get('access-control-request-method') ?? method;
  const headerNames = namesOf(headers.get('access-control-request-headers') ?? '');
  const match = matchCors(rules, { origin, method: asked, headerNames });
  return match === undefined ? [VARY] : [...grantedHeaders(match, origin), VARY];
}

/** What the answer to a preflight says when a rule allows it. */
export function preflightHeaders(match: CorsMatch, question: CorsQuestion): ReplyHeaders {
  const { origin, headerNames } = question;
  return [...grantedHeaders(match, origin), ...allowedHeaders(headerNames), VARY];
}

/** What a preflight is told where nothing stands in the way, and the request itself is judged. */
export function permissiveHeaders({ method, headerNames }: CorsQuestion): ReplyHeaders {
  return [
    ['Access-Control-Allow-Origin', ANY],
    ['Access-Control-Allow-Methods', method],
    ...allowedHeaders(headerNames),
    VARY,
  ];
}

function allowedHeaders(names: readonly string[]): ReplyHeaders {
  return names.length === 0 ? [] : [['Access-Control-Allow-Headers', names.join(', ')]];
}

function grantedHeaders({ rule, pattern }: CorsMatch, origin: string): ReplyHeaders {
  const { allowedMethods, exposeHeaders, maxAgeSeconds } = rule;
  const isLiteral = pattern === origin && origin !== ORIGIN_NULL;
  return [
    ['Access-Control-Allow-Origin', pattern === ANY ? ANY : origin],
    ['Access-Control-Allow-Methods', allowedMethods.join(', ')],
    ...(exposeHeaders.length === 0
      ? []
      : [['Access-Control-Expose-Headers', exposeHeaders.join(', ')] as const]),
    ...(maxAgeSeconds === undefined
      ? []
      : [['Access-Control-Max-Age', String(maxAgeSeconds)] as const]),
    ...(isLiteral ? [['Access-Control-Allow-Credentials', 'true'] as const] : []),
  ];
}

export type Preflight =
  | { readonly kind: 'asked'; readonly question: CorsQuestion }
  /** It is no preflight request: one sentence says why. */
  | { readonly kind: 'insufficient'; readonly message: string };

const METHODS: ReadonlySet<string> = new Set(['DELETE', 'GET', 'HEAD', 'POST', 'PUT']);

/** What a preflight request asks. */
export function readPreflight(headers: RequestHeaders): Preflight {
  const origin = headers.get('origin');
  const method = headers.get('access-control-request-method');
  if (origin === undefined || origin === '') {
    return { kind: 'insufficient', message: 'A preflight request needs the header Origin.' };
  }
  if (method === undefined || !METHODS.has(method)) {
    const message = 'A preflight request needs Access-Control-Request-Method with a method of S3.';
    return { kind: 'insufficient', message };
  }
  const headerNames = namesOf(headers.get('access-control-request-headers') ?? '');
  if (headerNames.every(name => HEADER_NAME.test(name))) {
    return { kind: 'asked', question: { origin, method, headerNames } };
  }
  return {
    kind: 'insufficient',
    message: 'Access-Control-Request-Headers is a list of names of headers.',
  };
}

function namesOf(list: string): readonly string[] {
  const names = list.split(',').map(name => name.trim().toLowerCase());
  return names.filter(name => name !== '');
}
