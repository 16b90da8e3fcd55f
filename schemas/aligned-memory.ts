/**
 * Memory that begins at a page of the machine.
 *
 * Owns:          how it is had.
 * Knows:         WebAssembly.
 * Must not know: what it is for.
 *
 * JavaScript cannot ask where memory lies, but the memory of a WebAssembly instance always begins
 * at a page. It is touched, and so taken from the machine, only where it is used.
 */
type MemoryDescriptor = {
  readonly initial: number;
  readonly maximum: number;
  readonly shared?: boolean;
};

/** The part of the platform that @types/node leaves to browsers. */
declare const WebAssembly: {
  readonly Memory: new (descriptor: MemoryDescriptor) => { readonly buffer: ArrayBuffer };
};

const WASM_PAGE_BYTES = 64 * 1024;

/** At least `sizeBytes` of memory of this process alone. Throws RangeError when there is none. */
export function alignedMemory(sizeBytes: number): ArrayBuffer {
  const pages = Math.ceil(sizeBytes / WASM_PAGE_BYTES);
  return new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer;
}

/** The same, for several threads. */
export function sharedAlignedMemory(sizeBytes: number): SharedArrayBuffer {
  const pages = Math.ceil(sizeBytes / WASM_PAGE_BYTES);
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  return buffer as unknown as SharedArrayBuffer;
}
