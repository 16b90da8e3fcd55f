/**
 * Node's callbacks as promises.
 *
 * Owns:          that step.
 * Knows:         the shape of Node's callbacks.
 * Must not know: which function is called.
 *
 * The callback functions of node:fs cost a third of its own promises.
 */
type Done<Value> = (error: Error | null, value: Value) => void;

export function call<Value>(start: (done: Done<Value>) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error === null) resolve(value);
      else reject(error);
    });
  });
}

export function callVoid(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start(error => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}
