/**
 * Declares and checks what callers hand to an admin operation.
 *
 * Owns:          the pieces that declarations are made of; the sentence about a wrong value.
 * Knows:         TypeBox.
 * Must not know: operations.
 *
 * Garage's clients leave a field out or send null for "not given", so every optional field takes
 * both. Unknown fields are ignored: clients of newer releases send them.
 */
import { Type, type Static, type TSchema } from 'typebox';
import { Errors, Check } from 'typebox/value';
import type { BucketPermissions } from '../../schemas/admin-types.ts';
import { badRequest } from './admin-error.ts';

/** The schema itself, null, or nothing at all. */
export function optional<Schema extends TSchema>(schema: Schema) {
  return Type.Optional(Type.Union([schema, Type.Null()]));
}

export const noParams = Type.Unknown();

export const permissions = Type.Object({
  read: optional(Type.Boolean()),
  write: optional(Type.Boolean()),
  owner: optional(Type.Boolean()),
});

/** The value if it is of that shape; else the caller's fault is told by the path of the field. */
export function checkParams<Schema extends TSchema>(
  schema: Schema,
  value: unknown,
): Static<Schema> {
  if (Check(schema, value)) return value;
  throw badRequest(faultOf(schema, value));
}

function faultOf(schema: TSchema, value: unknown): string {
  const errors = Errors(schema, value);
  // Of a union every branch complains; the deepest complaint is about what the caller wrote.
  const deepest = errors.reduce<(typeof errors)[number] | undefined>(
    (best, error) =>
      best === undefined || depthOf(error.instancePath) > depthOf(best.instancePath) ? error : best,
    undefined,
  );
  const path = deepest?.instancePath.slice(1).replaceAll('/', '.') ?? '';
  const subject = path === '' ? 'the parameters' : `the field ${path}`;
  return `${subject} ${deepest?.message ?? 'cannot be understood'}`;
}

function depthOf(path: string): number {
  return path.split('/').length;
}

/** Grants without a permission left are not shown, as Garage does since 2.1. */
export function mayAnything(allowed: BucketPermissions): boolean {
  return allowed.read || allowed.write || allowed.owner;
}
