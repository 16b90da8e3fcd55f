/**
 * What one admin operation is, for every door that calls it.
 *
 * Owns:          the shape of an operation; how the parts of an HTTP request become its parameters.
 * Knows:         Garage's two forms of parameters: query and body, and one JSON value.
 * Must not know: which operations exist.
 *
 * `garage json-api` and the control door hand over one JSON value. An operation with nothing in its
 * query takes the body itself, one without a body takes an object of the query's fields, and one
 * with both takes the fields and the body under `body`; HTTP is brought into the same form.
 */
import type { Static, TSchema } from 'typebox';
import { checkParams } from './admin-params.ts';
import type { AdminPorts } from './admin-ports.ts';

export type AdminOperation = {
  readonly method: 'GET' | 'POST';
  /** Names of its query parameters. */
  readonly query: readonly string[];
  readonly body: 'none' | 'json';
  /** Checks `params`, does it, and answers what is sent as JSON. Throws AdminError. */
  run(ports: AdminPorts, params: unknown): Promise<unknown>;
};

type Form<Schema extends TSchema> = {
  readonly query?: readonly string[];
  readonly body?: 'json';
  readonly params: Schema;
};

export function operation<Schema extends TSchema>(
  method: 'GET' | 'POST',
  form: Form<Schema>,
  run: (ports: AdminPorts, params: Static<Schema>) => Promise<unknown>,
): AdminOperation {
  return {
    method,
    query: form.query ?? [],
    body: form.body ?? 'none',
    run: async (ports, params) => run(ports, checkParams(form.params, params)),
  };
}

/** The parameters of a call over HTTP; `body` is the decoded JSON, if there was one. */
export function paramsOfHttp(
  { query, body: takes }: AdminOperation,
  fields: ReadonlyMap<string, string>,
  body: unknown,
): unknown {
  const given = Object.fromEntries([...fields].filter(([name]) => query.includes(name)));
  if (query.length === 0) return takes === 'json' ? body : null;
  return takes === 'json' ? { ...given, body } : given;
}
