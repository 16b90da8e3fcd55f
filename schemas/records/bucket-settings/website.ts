/**
 * How a bucket is served as a website.
 *
 * Owns:          the configuration: fields, bytes, and what is refused of it.
 * Knows:         "PutBucketWebsite" of the S3 API reference; two redirect codes of Garage's own.
 * Must not know: requests; serving one is the website door's.
 *
 * The codes 200 and 404 are Garage's: they serve another key under that status instead of sending
 * the browser there, which is what an application of a single page needs.
 */
import type { FieldReader, Packed } from '../../codec.ts';
import { CodecError } from '../../codec.ts';
import { packWord, readOptionalInteger, readOptionalText, readWord } from './setting-fields.ts';
import type { SettingFault } from './setting-fault.ts';
import {
  firstFault,
  invalidSetting,
  invalidSettingArgument,
  malformedSetting,
} from './setting-fault.ts';

export type WebProtocol = 'http' | 'https';

/** Without `keyPrefix` and `errorCode` it has no condition and holds for every request. */
export type RoutingRule = {
  readonly keyPrefix: string | undefined;
  readonly errorCode: number | undefined;
  readonly protocol: WebProtocol | undefined;
  readonly hostName: string | undefined;
  readonly replaceKeyPrefixWith: string | undefined;
  readonly replaceKeyWith: string | undefined;
  readonly redirectCode: number | undefined;
};

export type WebsitePages = {
  readonly kind: 'pages';
  readonly indexDocument: string;
  readonly errorDocument: string | undefined;
  readonly routingRules: readonly RoutingRule[];
};

export type WebsiteConfiguration =
  | WebsitePages
  | {
      readonly kind: 'redirect-all';
      readonly hostName: string;
      readonly protocol: WebProtocol | undefined;
    };

export const ROUTING_RULES_MAX = 50;
const PROTOCOLS = ['http', 'https'] as const;
/** Serve another key under this status, instead of redirecting. */
const REWRITE_CODES: ReadonlySet<number> = new Set([200, 404]);
/** No key is longer, and no name of a host. */
const TEXT_CHARACTERS_MAX = 1024;
/** S3 takes a port and a path behind the name too; what is sent in a header has no blanks. */
const HOST_NAME = /^[!-~]+$/;

export function isWebProtocol(text: string): text is WebProtocol {
  return PROTOCOLS.some(known => known === text);
}

/** True when the rule serves another key and sends nobody away. */
export function isRewrite({ redirectCode }: RoutingRule): boolean {
  return redirectCode !== undefined && REWRITE_CODES.has(redirectCode);
}

export function packWebsite(website: WebsiteConfiguration): Packed {
  if (website.kind === 'redirect-all') {
    return [1, website.hostName, packWord(PROTOCOLS, website.protocol)];
  }
  const { indexDocument, errorDocument, routingRules } = website;
  return [0, indexDocument, errorDocument ?? null, routingRules.map(packRoutingRule)];
}

function packRoutingRule(rule: RoutingRule): Packed {
  return [
    rule.keyPrefix ?? null,
    rule.errorCode ?? null,
    packWord(PROTOCOLS, rule.protocol),
    rule.hostName ?? null,
    rule.replaceKeyPrefixWith ?? null,
    rule.replaceKeyWith ?? null,
    rule.redirectCode ?? null,
  ];
}

export function readWebsite(fields: FieldReader): WebsiteConfiguration {
  const parts = fields.nested();
  const kind = parts.integer();
  if (kind === 1) {
    return {
      kind: 'redirect-all',
      hostName: parts.text(),
      protocol: readWord(parts, PROTOCOLS),
    };
  }
  if (kind !== 0) throw new CodecError('unknown kind of website');
  return {
    kind: 'pages',
    indexDocument: parts.text(),
    errorDocument: readOptionalText(parts),
    routingRules: parts.list(readRoutingRule),
  };
}

function readRoutingRule(rule: FieldReader): RoutingRule {
  return {
    keyPrefix: readOptionalText(rule),
    errorCode: readOptionalInteger(rule),
    protocol: readWord(rule, PROTOCOLS),
    hostName: readOptionalText(rule),
    replaceKeyPrefixWith: readOptionalText(rule),
    replaceKeyWith: readOptionalText(rule),
    redirectCode: readOptionalInteger(rule),
  };
}

/** undefined: it may be stored. */
export function faultOfWebsite(website: WebsiteConfiguration): SettingFault | undefined {
  if (website.kind === 'redirect-all') return faultOfHost(website.hostName);
  const { indexDocument, errorDocument, routingRules } = website;
  if (indexDocument === '' || indexDocument.includes('/') || isTooLong(indexDocument)) {
    const message = 'The Suffix of IndexDocument is a name without a slash.';
    return invalidSettingArgument('IndexDocument', indexDocument, message);
  }
  if (errorDocument !== undefined && (errorDocument === '' || isTooLong(errorDocument))) {
    return malformedSetting('The Key of ErrorDocument is the key of an object.');
  }
  if (routingRules.length > ROUTING_RULES_MAX) {
    return invalidSetting(`There are more than ${String(ROUTING_RULES_MAX)} routing rules.`);
  }
  return firstFault(routingRules, faultOfRule);
}

function faultOfRule(rule: RoutingRule): SettingFault | undefined {
  const { keyPrefix = '', replaceKeyWith, replaceKeyPrefixWith, hostName } = rule;
  if (replaceKeyWith !== undefined && replaceKeyPrefixWith !== undefined) {
    return invalidSetting('A rule has ReplaceKeyWith or ReplaceKeyPrefixWith, not both.');
  }
  if ([keyPrefix, replaceKeyWith ?? '', replaceKeyPrefixWith ?? ''].some(isTooLong)) {
    return malformedSetting('A prefix or key of a routing rule is longer than any key.');
  }
  const isEmpty =
    hostName === undefined &&
    replaceKeyWith === undefined &&
    replaceKeyPrefixWith === undefined &&
    rule.protocol === undefined &&
    rule.redirectCode === undefined;
  if (isEmpty) return malformedSetting('The Redirect of a routing rule says nothing.');
  return (
    (hostName === undefined ? undefined : faultOfHost(hostName)) ??
    faultOfErrorCode(rule) ??
    faultOfRedirectCode(rule)
  );
}

function faultOfErrorCode({ errorCode }: RoutingRule): SettingFault | undefined {
  if (errorCode === undefined || (errorCode >= 400 && errorCode <= 599)) return undefined;
  return invalidSetting(
    `HttpErrorCodeReturnedEquals ${String(errorCode)} is not valid: it is a code 4xx or 5xx.`,
  );
}

function faultOfRedirectCode(rule: RoutingRule): SettingFault | undefined {
  const { redirectCode: code, hostName, protocol, replaceKeyWith, replaceKeyPrefixWith } = rule;
  if (code === undefined || (code > 300 && code <= 399)) return undefined;
  if (!isRewrite(rule)) {
    return invalidSetting(
      `HttpRedirectCode ${String(code)} is not valid: it is a code 3xx other than 300.`,
    );
  }
  if (hostName !== undefined || protocol !== undefined) {
    return invalidSetting(`HttpRedirectCode ${String(code)} takes no HostName and no Protocol.`);
  }
  if (replaceKeyWith !== undefined || replaceKeyPrefixWith !== undefined) return undefined;
  return invalidSetting(`HttpRedirectCode ${String(code)} needs a key that is served instead.`);
}

function faultOfHost(hostName: string): SettingFault | undefined {
  if (HOST_NAME.test(hostName) && hostName.length <= TEXT_CHARACTERS_MAX) return undefined;
  return invalidSettingArgument('HostName', hostName, 'HostName is the name of a host.');
}

function isTooLong(text: string): boolean {
  return Buffer.byteLength(text) > TEXT_CHARACTERS_MAX;
}
