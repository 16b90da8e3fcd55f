/**
 * A set of networks, as operators and policies write them, and whether an address lies in it.
 *
 * Owns:          reading addresses and CIDR networks.
 * Knows:         RFC 4632, RFC 4291.
 * Must not know: what the set is for.
 */
import { BlockList, isIP } from 'node:net';

const MAPPED_IPV4 = /^::ffff:(?=\d+\.)/i;
const PREFIX = /^\d{1,3}$/;

export type Network = {
  readonly address: string;
  readonly family: 4 | 6;
  readonly prefixBits: number;
};

/** An address as operators write it: IPv4 inside IPv6 is IPv4. */
export function plainAddress(address: string): string {
  return address.replace(MAPPED_IPV4, '');
}

export function isAddress(text: string): boolean {
  return isIP(text) !== 0;
}

/** An address, or a network in CIDR notation; undefined when it is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  const bitsMax = family === 6 ? 128 : 32;
  const prefixBits = prefix === undefined ? bitsMax : PREFIX.test(prefix) ? Number(prefix) : -1;
  if (family === 0 || rest.length > 0 || prefixBits < 0 || prefixBits > bitsMax) return undefined;
  return { address, family: family === 6 ? 6 : 4, prefixBits };
}

export class Networks {
  readonly #list = new BlockList();

  add({ address, family, prefixBits }: Network): void {
    this.#list.addSubnet(address, prefixBits, family === 6 ? 'ipv6' : 'ipv4');
  }

  has(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}
