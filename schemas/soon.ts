/**
 * A value that is there already, or a promise of it.
 *
 * Owns:          the type, and going on with such a value.
 * Knows:         nothing else.
 * Must not know: what the values are.
 *
 * What is answered from memory or from one look into the store is answered without a turn of the
 * event loop: on the path of a small GET promises would cost as much as the look.
 */
export type Soon<Value> = Value | Promise<Value>;

/** Goes on now, or when the value is there. */
export function chain<Value, Result>(
  value: Soon<Value>,
  next: (value: Value) => Soon<Result>,
): Soon<Result> {
  return value instanceof Promise ? value.then(next) : next(value);
}
