/**
 * The rules of a bucket as the admin API writes them: JSON with the names of S3's XML elements.
 *
 * Owns:          that form, both ways: CORS rules, lifecycle rules, routing rules.
 * Knows:         the rules as they are stored, and what is refused of them.
 * Must not know: XML, which operation is under way.
 */
import { Type, type Static } from 'typebox';
import type { Tag } from '../../schemas/records/bucket-settings/bucket-tags.ts';
import type { CorsRule } from '../../schemas/records/bucket-settings/cors-rules.ts';
import { faultOfCors } from '../../schemas/records/bucket-settings/cors-rules.ts';
import type {
  LifecycleExpiration,
  LifecycleFilter,
  LifecycleRule,
} from '../../schemas/records/bucket-settings/lifecycle-rules.ts';
import {
  faultOfLifecycle,
  generatedRuleId,
} from '../../schemas/records/bucket-settings/lifecycle-rules.ts';
import type { SettingFault } from '../../schemas/records/bucket-settings/setting-fault.ts';
import type { RoutingRule } from '../../schemas/records/bucket-settings/website.ts';
import { badRequest } from './admin-error.ts';
import { optional } from './admin-params.ts';

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const texts = Type.Array(Type.String());

export const corsRuleJson = Type.Object({
  ID: optional(Type.String()),
  AllowedOrigin: texts,
  AllowedMethod: texts,
  AllowedHeader: optional(texts),
  ExposeHeader: optional(texts),
  MaxAgeSeconds: optional(count),
});

export const routingRuleJson = Type.Object({
  Condition: optional(
    Type.Object({
      KeyPrefixEquals: optional(Type.String()),
      HttpErrorCodeReturnedEquals: optional(count),
    }),
  ),
  Redirect: Type.Object({
    HostName: optional(Type.String()),
    HttpRedirectCode: optional(count),
    Protocol: optional(Type.Union([Type.Literal('http'), Type.Literal('https')])),
    ReplaceKeyPrefixWith: optional(Type.String()),
    ReplaceKeyWith: optional(Type.String()),
  }),
});

const tagJson = Type.Object({ Key: Type.String(), Value: Type.String() });
const conditions = {
  Prefix: optional(Type.String()),
  Tag: optional(Type.Array(tagJson)),
  ObjectSizeGreaterThan: optional(count),
  ObjectSizeLessThan: optional(count),
};
const conditionsJson = Type.Object(conditions);

export const lifecycleRuleJson = Type.Object({
  ID: optional(Type.String()),
  Status: Type.Union([Type.Literal('Enabled'), Type.Literal('Disabled')]),
  Prefix: optional(Type.String()),
  Filter: optional(Type.Object({ ...conditions, And: optional(conditionsJson) })),
  Expiration: optional(
    Type.Object({
      Days: optional(count),
      Date: optional(Type.String()),
      ExpiredObjectDeleteMarker: optional(Type.Boolean()),
    }),
  ),
  AbortIncompleteMultipartUpload: optional(Type.Object({ DaysAfterInitiation: count })),
  NoncurrentVersionExpiration: optional(
    Type.Object({ NoncurrentDays: count, NewerNoncurrentVersions: optional(count) }),
  ),
});

/** null when the list is empty: that takes the rules away. */
export function corsRulesOf(
  list: readonly Static<typeof corsRuleJson>[],
): readonly CorsRule[] | null {
  if (list.length === 0) return null;
  const rules = list.map(rule => ({
    id: rule.ID ?? undefined,
    allowedOrigins: rule.AllowedOrigin,
    allowedMethods: rule.AllowedMethod,
    allowedHeaders: rule.AllowedHeader ?? [],
    exposeHeaders: rule.ExposeHeader ?? [],
    maxAgeSeconds: rule.MaxAgeSeconds ?? undefined,
  }));
  refuse(faultOfCors(rules));
  return rules;
}

export function corsRulesJson(rules: readonly CorsRule[]): unknown {
  return rules.map(rule => ({
    ...given('ID', rule.id),
    AllowedOrigin: rule.allowedOrigins,
    AllowedMethod: rule.allowedMethods,
    AllowedHeader: rule.allowedHeaders,
    ExposeHeader: rule.exposeHeaders,
    ...given('MaxAgeSeconds', rule.maxAgeSeconds),
  }));
}

/** Not yet checked: they are part of a website. */
export function routingRulesOf(
  list: readonly Static<typeof routingRuleJson>[],
): readonly RoutingRule[] {
  return list.map(({ Condition, Redirect }) => ({
    keyPrefix: Condition?.KeyPrefixEquals ?? undefined,
    errorCode: Condition?.HttpErrorCodeReturnedEquals ?? undefined,
    protocol: Redirect.Protocol ?? undefined,
    hostName: Redirect.HostName ?? undefined,
    replaceKeyPrefixWith: Redirect.ReplaceKeyPrefixWith ?? undefined,
    replaceKeyWith: Redirect.ReplaceKeyWith ?? undefined,
    redirectCode: Redirect.HttpRedirectCode ?? undefined,
  }));
}

export function routingRulesJson(rules: readonly RoutingRule[]): unknown {
  return rules.map(rule => ({
    Condition:
      rule.keyPrefix === undefined && rule.errorCode === undefined
        ? null
        : {
            ...given('KeyPrefixEquals', rule.keyPrefix),
            ...given('HttpErrorCodeReturnedEquals', rule.errorCode),
          },
    Redirect: {
      ...given('HostName', rule.hostName),
      ...given('HttpRedirectCode', rule.redirectCode),
      ...given('Protocol', rule.protocol),
      ...given('ReplaceKeyPrefixWith', rule.replaceKeyPrefixWith),
      ...given('ReplaceKeyWith', rule.replaceKeyWith),
    },
  }));
}

type LifecycleJson = Static<typeof lifecycleRuleJson>;

/** null when the list is empty: that takes the rules away. */
export function lifecycleRulesOf(list: readonly LifecycleJson[]): readonly LifecycleRule[] | null {
  if (list.length === 0) return null;
  const rules = list.map((rule, index) => ({
    id: rule.ID ?? generatedRuleId(index, rule),
    enabled: rule.Status === 'Enabled',
    filter: filterOf(rule),
    expiration: rule.Expiration ? expirationOf(rule.Expiration) : undefined,
    abortUploadsDays: rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation,
    noncurrent: rule.NoncurrentVersionExpiration
      ? {
          days: rule.NoncurrentVersionExpiration.NoncurrentDays,
          newerVersions: rule.NoncurrentVersionExpiration.NewerNoncurrentVersions ?? undefined,
        }
      : undefined,
  }));
  refuse(faultOfLifecycle(rules));
  return rules;
}

function filterOf({ Filter, Prefix }: LifecycleJson): LifecycleFilter {
  if (!Filter) {
    return typeof Prefix === 'string'
      ? { ...conditionsOf({ Prefix }), form: 'legacy' }
      : { ...conditionsOf({}), form: 'single' };
  }
  const { And, ...single } = Filter;
  const filter = conditionsOf(And ?? single);
  const alone = conditionsOf(single);
  if (countOf(alone) > (And ? 0 : 1) || typeof Prefix === 'string') {
    throw badRequest('a Filter has one condition; And joins several');
  }
  return { ...filter, form: And ? 'and' : 'single' };
}

function conditionsOf(json: Static<typeof conditionsJson>): Omit<LifecycleFilter, 'form'> {
  return {
    prefix: json.Prefix ?? undefined,
    tags: (json.Tag ?? []).map(({ Key, Value }): Tag => ({ key: Key, value: Value })),
    sizeGreaterThan: json.ObjectSizeGreaterThan ?? undefined,
    sizeLessThan: json.ObjectSizeLessThan ?? undefined,
  };
}

function countOf(filter: Omit<LifecycleFilter, 'form'>): number {
  const { prefix, tags, sizeGreaterThan, sizeLessThan } = filter;
  const present = [prefix, sizeGreaterThan, sizeLessThan].filter(value => value !== undefined);
  return present.length + tags.length;
}

function expirationOf(
  json: NonNullable<LifecycleJson['Expiration']>,
): LifecycleExpiration | undefined {
  const { Days, Date: date, ExpiredObjectDeleteMarker: marker } = json;
  const hasDays = typeof Days === 'number';
  const hasDate = typeof date === 'string';
  if (hasDays && hasDate) throw badRequest('an Expiration has Days or a Date, not both');
  if (hasDays) return { kind: 'days', days: Days };
  if (hasDate) return { kind: 'date', dateMs: dateMs(date) };
  return typeof marker === 'boolean' ? { kind: 'delete-marker', enabled: marker } : undefined;
}

/** `YYYY-MM-DD`, alone or with midnight behind it. */
function dateMs(text: string): number {
  const match = /^(\d{4}-\d\d-\d\d)(?:T00:00:00(?:\.0+)?Z?)?$/.exec(text);
  const ms = match?.[1] === undefined ? Number.NaN : Date.parse(match[1]);
  if (ms >= 0) return ms;
  throw badRequest(`${JSON.stringify(text)} is no date: it looks like 2030-01-31`);
}

export function lifecycleRulesJson(rules: readonly LifecycleRule[]): unknown {
  return rules.map(rule => ({
    ID: rule.id,
    Status: rule.enabled ? 'Enabled' : 'Disabled',
    ...filterJson(rule.filter),
    ...given('Expiration', rule.expiration && expirationJson(rule.expiration)),
    ...given(
      'AbortIncompleteMultipartUpload',
      rule.abortUploadsDays === undefined
        ? undefined
        : { DaysAfterInitiation: rule.abortUploadsDays },
    ),
    ...given(
      'NoncurrentVersionExpiration',
      rule.noncurrent && {
        NoncurrentDays: rule.noncurrent.days,
        ...given('NewerNoncurrentVersions', rule.noncurrent.newerVersions),
      },
    ),
  }));
}

function filterJson(filter: LifecycleFilter): Record<string, unknown> {
  if (filter.form === 'legacy') return { Prefix: filter.prefix ?? '' };
  if (countOf(filter) === 0) return {};
  const told = {
    ...given('Prefix', filter.prefix),
    ...given(
      'Tag',
      filter.tags.length === 0
        ? undefined
        : filter.tags.map(({ key, value }) => ({ Key: key, Value: value })),
    ),
    ...given('ObjectSizeGreaterThan', filter.sizeGreaterThan),
    ...given('ObjectSizeLessThan', filter.sizeLessThan),
  };
  return { Filter: filter.form === 'and' ? { And: told } : told };
}

function expirationJson(expiration: LifecycleExpiration): unknown {
  switch (expiration.kind) {
    case 'days':
      return { Days: expiration.days };
    case 'date':
      return { Date: new Date(expiration.dateMs).toISOString().slice(0, 'YYYY-MM-DD'.length) };
    case 'delete-marker':
      return { ExpiredObjectDeleteMarker: expiration.enabled };
  }
}

/** A field that is left out when there is no value. */
function given(name: string, value: unknown): Record<string, unknown> {
  return value === undefined ? {} : { [name]: value };
}

/** @throws AdminError InvalidRequest. */
export function refuse(fault: SettingFault | undefined): void {
  if (fault !== undefined) throw badRequest(fault.message);
}
