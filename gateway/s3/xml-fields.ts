/**
 * Reads elements of documents by name: those that may stand once, and those that may stand often.
 *
 * Owns:          the refusal of what stands too often or not at all; numbers and words.
 * Knows:         the tree of s3-xml.ts.
 * Must not know: any document.
 */
import type { XmlElement } from './s3-xml.ts';
import { booleanOf, childrenOf, malformed, textOf } from './s3-xml.ts';

const INTEGER = /^-?\d{1,15}$/;

export class XmlFields {
  readonly #parentName: string;
  readonly #children: readonly XmlElement[];

  /** @throws S3Error MalformedXML for children that are not known. */
  constructor(parent: XmlElement, known: ReadonlySet<string>) {
    this.#parentName = parent.name;
    this.#children = childrenOf(parent, known);
  }

  get isEmpty(): boolean {
    return this.#children.length === 0;
  }

  has(name: string): boolean {
    return this.#children.some(child => child.name === name);
  }

  /** @throws S3Error MalformedXML when it stands more than once; so do all below. */
  one(name: string): XmlElement | undefined {
    const found = this.all(name);
    if (found.length > 1) throw malformed(`${this.#parentName} has more than one ${name}.`);
    return found[0];
  }

  all(name: string): readonly XmlElement[] {
    return this.#children.filter(child => child.name === name);
  }

  /** Exactly as sent. */
  text(name: string): string | undefined {
    const child = this.one(name);
    return child && textOf(child);
  }

  requiredText(name: string): string {
    const text = this.text(name);
    if (text === undefined) throw malformed(`${this.#parentName} needs ${name}.`);
    return text;
  }

  texts(name: string): readonly string[] {
    return this.all(name).map(textOf);
  }

  /** A whole number that is not negative. */
  integer(name: string): number | undefined {
    const value = this.signedInteger(name);
    if (value !== undefined && value < 0) throw malformed(`${name} is not negative.`);
    return value;
  }

  /** A whole number; which ones are allowed is decided by who asks. */
  signedInteger(name: string): number | undefined {
    const text = this.text(name)?.trim();
    if (text === undefined) return undefined;
    if (!INTEGER.test(text)) throw malformed(`${name} is a whole number.`);
    return Number(text);
  }

  flag(name: string): boolean | undefined {
    const child = this.one(name);
    return child && booleanOf(child);
  }
}
