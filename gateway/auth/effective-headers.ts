/**
 * The headers a handler must use: those sent, and those a presigned URL carries in its query.
 *
 * Owns:          the merged view.
 * Knows:         RequestHeaders.
 * Must not know: which headers matter.
 *
 * A header that stands in both places with two values is refused: whichever were taken, a signer or
 * a sender would be surprised.
 */
import type { RequestHeaders } from '../http/exchange.ts';
import { S3Error } from '../s3/s3-error.ts';

type Entry = readonly [name: string, value: string];

/** @throws S3Error InvalidRequest when header and query contradict each other. */
export function effectiveHeaders(sent: RequestHeaders, hoisted: readonly Entry[]): RequestHeaders {
  const added: Entry[] = [];
  for (const [name, value] of hoisted) {
    const sentValue = sent.get(name);
    if (sentValue === undefined) {
      added.push([name, value]);
    } else if (sentValue !== value) {
      throw new S3Error('InvalidRequest', {
        message: `The header ${name} and the parameter of that name differ.`,
      });
    }
  }
  return added.length === 0 ? sent : new MergedHeaders([...sent.entries, ...added]);
}

class MergedHeaders implements RequestHeaders {
  readonly entries: readonly Entry[];

  constructor(entries: readonly Entry[]) {
    this.entries = entries;
  }

  get(name: string): string | undefined {
    let joined: string | undefined;
    for (const [entryName, value] of this.entries) {
      if (entryName !== name) continue;
      joined = joined === undefined ? value : `${joined},${value}`;
    }
    return joined;
  }

  count(name: string): number {
    let count = 0;
    for (const [entryName] of this.entries) if (entryName === name) count++;
    return count;
  }
}
