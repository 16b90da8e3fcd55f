/**
 * Directories that a walk over the block files could not list, and went past.
 *
 * Owns:          how many there were, and the first of them.
 * Knows:         nothing.
 * Must not know: what is walked over.
 *
 * One bad sector under a directory must not keep a walk from all that lies behind it. The walk has
 * failed all the same: it is told at the end, so that it is tried again.
 */

export class UnlistableDirectories {
  #count = 0;
  #first: { readonly path: string; readonly error: unknown } | undefined;

  note(path: string, error: unknown): void {
    this.#count += 1;
    this.#first ??= { path, error };
  }

  /** What is in the directory; undefined, and noted, when it cannot be listed. */
  async contentOf<Content>(
    path: string,
    list: (path: string) => Promise<Content>,
  ): Promise<Content | undefined> {
    try {
      return await list(path);
    } catch (error) {
      this.note(path, error);
      return undefined;
    }
  }

  /** At the end of the walk. */
  throwIfAny(): void {
    if (this.#first === undefined) return;
    const { path, error } = this.#first;
    const others = this.#count === 1 ? '' : ` and ${String(this.#count - 1)} other directories`;
    throw new Error(`${path}${others} could not be listed`, { cause: error });
  }
}
