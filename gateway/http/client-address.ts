/**
 * Whose address a request is said to come from: the peer's, or its trusted proxy's word.
 *
 * Owns:          the networks of trusted proxies; reading X-Forwarded-For, X-Forwarded-Proto.
 * Knows:         addresses and networks.
 * Must not know: what the address is used for.
 *
 * Everybody can send X-Forwarded-For, so it is read from the right, and only as far as every hop
 * that vouches for the next one is a trusted proxy.
 */
import type { RequestHeaders } from './exchange.ts';
import { isAddress, Networks, parseNetwork, plainAddress } from './networks.ts';

export class ProxyTrust {
  readonly #networks = new Networks();
  readonly #isEmpty: boolean;

  /** `networks` are addresses or CIDR networks. Throws with one sentence naming the bad one. */
  constructor(networks: readonly string[]) {
    this.#isEmpty = networks.length === 0;
    for (const text of networks) {
      const network = parseNetwork(text);
      if (network === undefined) {
        throw new Error(`trusted_proxies: "${text}" is not an address or a network`);
      }
      this.#networks.add(network);
    }
  }

  /** The address of the client: the last hop that is not a trusted proxy. */
  clientAddress(peerAddress: string, headers: RequestHeaders): string {
    if (this.#isEmpty || !this.#networks.has(peerAddress)) return peerAddress;
    const hops = headers.get('x-forwarded-for')?.split(',') ?? [];
    let client = peerAddress;
    for (let position = hops.length - 1; position >= 0; position -= 1) {
      const hop = readHop(hops[position] ?? '');
      if (hop === undefined) break;
      client = hop;
      if (!this.#networks.has(hop)) break;
    }
    return client;
  }

  /** Did the client speak TLS? Only its proxy can know; of several, the one next to us says it. */
  isSecure(peerAddress: string, headers: RequestHeaders): boolean {
    if (this.#isEmpty || !this.#networks.has(peerAddress)) return false;
    const words = headers.get('x-forwarded-proto')?.split(',') ?? [];
    return words.at(-1)?.trim().toLowerCase() === 'https';
  }
}

/** The text of the 4 or 16 bytes of an address; empty for a peer without one (a Unix socket). */
export function addressFromBytes(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const isMapped = bytes[10] === 255 && bytes[11] === 255 && bytes.subarray(0, 10).every(isZero);
  if (isMapped) return bytes.subarray(12).join('.');
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) {
    groups.push((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  }
  return shortenZeros(groups);
}

function isZero(byte: number): boolean {
  return byte === 0;
}

/** RFC 5952: the longest run of zero groups, two at least, is written `::`. */
function shortenZeros(groups: readonly string[]): string {
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0;
    while (groups[start + length] === '0') length += 1;
    if (length > bestLength) {
      bestStart = start;
      bestLength = length;
    }
  }
  if (bestStart === -1) return groups.join(':');
  const head = groups.slice(0, bestStart).join(':');
  return `${head}::${groups.slice(bestStart + bestLength).join(':')}`;
}

/** One hop of X-Forwarded-For without port and brackets; undefined when it is no address. */
function readHop(text: string): string | undefined {
  const hop = text.trim();
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(hop);
  const withPort = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop);
  const address = plainAddress(bracketed?.[1] ?? withPort?.[1] ?? hop);
  // A zone (`fe80::1%eth0`) means something on the machine that wrote it only.
  return !isAddress(address) || address.includes('%') ? undefined : address;
}
