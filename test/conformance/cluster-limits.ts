/**
 * What works with one replica and is refused with several.
 *
 * Owns:          the list, and how each is refused.
 * Knows:         what README says of it.
 * Must not know: which cases meet these limits.
 */
export const clusterLimits = {
  'conditional writes': '501 NotImplemented',
  'changes of locks': '501 NotImplemented',
} as const;

export type ClusterLimit = keyof typeof clusterLimits;
