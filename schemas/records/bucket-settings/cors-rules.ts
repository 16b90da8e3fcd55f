/**
 * Which web pages may use a bucket from a browser.
 *
 * Owns:          the rules: fields, bytes, and what S3 refuses of them.
 * Knows:         "PutBucketCors" and "CORS configuration" of the S3 documentation.
 * Must not know: requests; matching one is the gateway's.
 */
import type { FieldReader, Packed } from '../../codec.ts';
import { readOptionalInteger, readOptionalText, readTexts } from './setting-fields.ts';
import type { SettingFault } from './setting-fault.ts';
import {
  firstFault,
  invalidSetting,
  invalidSettingArgument,
  malformedSetting,
} from './setting-fault.ts';

export type CorsRule = {
  readonly id: string | undefined;
  /** Each with at most one `*`, which stands for any characters. */
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly string[];
  /** Each with at most one `*`; compared without regard to case. */
  readonly allowedHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds: number | undefined;
};

export const CORS_RULES_MAX = 100;
export const CORS_METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'] as const;
const ID_CHARACTERS_MAX = 255;
/** A token of RFC 9110, in which `*` is a character like others. */
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function packCorsRules(rules: readonly CorsRule[]): Packed {
  return rules.map(rule => [
    rule.id ?? null,
    rule.allowedOrigins,
    rule.allowedMethods,
    rule.allowedHeaders,
    rule.exposeHeaders,
    rule.maxAgeSeconds ?? null,
  ]);
}

export function readCorsRules(fields: FieldReader): CorsRule[] {
  return fields.list(rule => ({
    id: readOptionalText(rule),
    allowedOrigins: readTexts(rule),
    allowedMethods: readTexts(rule),
    allowedHeaders: readTexts(rule),
    exposeHeaders: readTexts(rule),
    maxAgeSeconds: readOptionalInteger(rule),
  }));
}

/** undefined: they may be stored. */
export function faultOfCors(rules: readonly CorsRule[]): SettingFault | undefined {
  if (rules.length === 0 || rules.length > CORS_RULES_MAX) {
    return malformedSetting(`Between 1 and ${String(CORS_RULES_MAX)} rules are needed.`);
  }
  return firstFault(rules, faultOfRule);
}

function faultOfRule(rule: CorsRule): SettingFault | undefined {
  const { id = '', allowedOrigins, allowedMethods, allowedHeaders, exposeHeaders } = rule;
  if (allowedOrigins.length === 0 || allowedMethods.length === 0) {
    return malformedSetting('A rule needs an AllowedOrigin and an AllowedMethod.');
  }
  if (id.length > ID_CHARACTERS_MAX) {
    const limit = String(ID_CHARACTERS_MAX);
    return invalidSettingArgument('ID', id, `The ID of a rule has at most ${limit} characters.`);
  }
  return (
    firstFault(allowedMethods, faultOfMethod) ??
    firstFault(allowedOrigins, origin => faultOfPattern('AllowedOrigin', origin)) ??
    firstFault(allowedHeaders, name => faultOfPattern('AllowedHeader', name)) ??
    firstFault(allowedHeaders, name => faultOfHeader('AllowedHeader', name)) ??
    firstFault(exposeHeaders, faultOfExposed)
  );
}

function faultOfMethod(method: string): SettingFault | undefined {
  if (CORS_METHODS.some(known => known === method)) return undefined;
  return invalidSetting(`A CORS rule cannot allow the HTTP method ${method}.`);
}

function faultOfPattern(element: string, pattern: string): SettingFault | undefined {
  if (pattern.indexOf('*') === pattern.lastIndexOf('*')) return undefined;
  return invalidSetting(`${element} "${pattern}" has more than one wildcard.`);
}

/** Names are sent back in headers: what is no name could end one. */
function faultOfHeader(element: string, name: string): SettingFault | undefined {
  if (HEADER_NAME.test(name)) return undefined;
  return invalidSetting(`${element} "${name}" is not the name of a header.`);
}

function faultOfExposed(name: string): SettingFault | undefined {
  if (!name.includes('*')) return faultOfHeader('ExposeHeader', name);
  return invalidSetting(`ExposeHeader "${name}" has a wildcard, which is not possible there.`);
}
