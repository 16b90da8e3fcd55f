/**
 * The headers of one request, collected in one pass, looked up cheaply.
 *
 * Owns:          the list and its lazily built index.
 * Knows:         how duplicates are joined (RFC 9110 5.3).
 * Must not know: which headers mean anything.
 *
 * Nothing is indexed before the first lookup, so a request that is refused by its head pays for
 * two arrays only.
 */
import type { RequestHeaders } from './exchange.ts';

export class HeaderList implements RequestHeaders {
  readonly #names: string[] = [];
  readonly #values: string[] = [];
  #index: Map<string, string> | undefined;
  #entries: (readonly [string, string])[] | undefined;

  /** Adds one header line; `name` is lower-case, `value` without surrounding blanks. */
  add(name: string, value: string): void {
    this.#names.push(name);
    this.#values.push(value);
  }

  /** Header lines, duplicates included. */
  get length(): number {
    return this.#names.length;
  }

  nameAt(position: number): string {
    return this.#names[position] ?? '';
  }

  valueAt(position: number): string {
    return this.#values[position] ?? '';
  }

  get(name: string): string | undefined {
    return (this.#index ??= this.#buildIndex()).get(name);
  }

  count(name: string): number {
    let count = 0;
    for (const candidate of this.#names) if (candidate === name) count += 1;
    return count;
  }

  get entries(): readonly (readonly [name: string, value: string])[] {
    this.#entries ??= this.#names.map((name, position) => [name, this.valueAt(position)] as const);
    return this.#entries;
  }

  #buildIndex(): Map<string, string> {
    const index = new Map<string, string>();
    for (let position = 0; position < this.#names.length; position += 1) {
      const name = this.nameAt(position);
      const earlier = index.get(name);
      const value = this.valueAt(position);
      index.set(name, earlier === undefined ? value : `${earlier},${value}`);
    }
    return index;
  }
}
