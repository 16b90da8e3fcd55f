/**
 * Compares an answer with what a case expects of it.
 *
 * Owns:          the comparison, and what every answer of the S3 door must have.
 * Knows:         S3's error documents.
 * Must not know: which cases there are, how they were sent.
 */
import { isDeepStrictEqual } from 'node:util';
import { headerValue, type RawReply } from '../support/raw-http.ts';
import { textsAt } from './xml-tree.ts';
import type { Exchange, Expected, Wanted } from './s3-case.ts';
import type { Reply } from './sender.ts';

const SHOWN = 400;

/** Everything that is not as it should be; none is good. */
export function complaints(exchange: Exchange, reply: Reply): readonly string[] {
  const { answer, gives = {} } = exchange;
  const found = answerOf(exchange, reply);
  const shown = reply.raw?.body.toString().slice(0, SHOWN) ?? '';
  const isExpected = answer === '2xx' ? found.startsWith('2') : found === answer;
  const first = isExpected ? [] : [`answered ${found}, not ${answer}: ${shown}`];
  return [
    ...first,
    ...(reply.raw === undefined ? [] : rawComplaints(exchange, reply.raw)),
    ...Object.entries(gives).flatMap(([name, wanted]) => {
      const value = reply.output?.[name];
      return includes(value, wanted) ? [] : [`${name} is ${show(value)}, not ${show(wanted)}`];
    }),
  ];
}

/** `404 NoSuchKey`; an answer without a document has no code. */
export function answerOf(exchange: Exchange, { status, code, raw }: Reply): string {
  const isDocument = raw !== undefined && !('door' in exchange) && raw.body.length > 0;
  const told = isDocument && status >= 400 ? textsAt(raw.body.toString(), 'Code')[0] : code;
  return `${status} ${told ?? ''}`.trimEnd();
}

function rawComplaints(exchange: Exchange & Expected, raw: RawReply): readonly string[] {
  const { has = {}, xml = {}, text } = exchange;
  const body = raw.body.toString();
  const isWebsite = 'door' in exchange;
  return [
    ...(isWebsite ? [] : formComplaints(exchange, raw)),
    ...Object.entries(has).flatMap(([name, wanted]) => {
      const value = headerValue(raw, name);
      return fits(value, wanted) ? [] : [`${name} is ${show(value)}, not ${show(wanted)}`];
    }),
    ...Object.entries(xml).flatMap(([path, wanted]) => xmlComplaints(body, path, wanted)),
    ...(text === undefined || isText(raw.body, text)
      ? []
      : [`the body is ${body.slice(0, SHOWN)}, not ${show(text).slice(0, SHOWN)}`]),
  ];
}

/** What holds for every answer: an id, a whole body, and an error is a document, except to HEAD. */
function formComplaints(exchange: Exchange, raw: RawReply): readonly string[] {
  const id = headerValue(raw, 'x-amz-request-id');
  const problems = id === undefined ? ['there is no x-amz-request-id'] : [];
  if (!raw.isComplete) problems.push('the answer is cut off');
  const isHead = 'ask' in exchange && exchange.ask.startsWith('HEAD ');
  if (raw.status < 400 || isHead) return problems;
  const body = raw.body.toString();
  if (headerValue(raw, 'content-type') !== 'application/xml') problems.push('it is not XML');
  if (!body.startsWith('<')) return [...problems, `the error has no document: ${body}`];
  if (textsAt(body, 'Message').length !== 1) problems.push('it has no message');
  if (textsAt(body, 'RequestId')[0] !== id) problems.push('the request ids differ');
  return problems;
}

function xmlComplaints(
  body: string,
  path: string,
  wanted: Wanted | readonly string[],
): readonly string[] {
  const texts = body.startsWith('<') ? textsAt(body, path) : [];
  const isRight =
    wanted instanceof Array
      ? isDeepStrictEqual(texts, wanted)
      : texts.length <= 1 && fits(texts[0], wanted);
  return isRight
    ? []
    : [`${path} is ${show(texts)}, not ${show(wanted)} in ${body.slice(0, 2000)}`];
}

function fits(value: string | undefined, wanted: Wanted): boolean {
  if (wanted === null || value === undefined) return value === (wanted ?? undefined);
  return typeof wanted === 'string' ? value === wanted : wanted.test(value);
}

function isText(body: Buffer, text: string | Uint8Array | RegExp): boolean {
  return text instanceof RegExp ? text.test(body.toString()) : body.equals(Buffer.from(text));
}

/** Whether `value` has everything that `wanted` names. */
function includes(value: unknown, wanted: unknown): boolean {
  if (wanted instanceof RegExp) return typeof value === 'string' && wanted.test(value);
  if (wanted === null) return value === undefined;
  if (wanted instanceof Array) {
    if (!(value instanceof Array) || value.length !== wanted.length) return false;
    return wanted.every((one, index) => includes(value[index], one));
  }
  if (typeof wanted !== 'object') return value === wanted;
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([name, one]) => includes(fields[name], one));
}

function show(value: unknown): string {
  if (value instanceof RegExp) return String(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return value === undefined || value === null ? 'missing' : JSON.stringify(value);
}
