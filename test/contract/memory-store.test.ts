// Method: the contract of stores, on the store in memory that other tests build on.
import type { Store } from '../../actors/storage/store.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { storeContract } from './store-contract.ts';

storeContract('memory', {
  open: async () => new MemoryStore(),
  async damage(_t, store, key) {
    asMemory(store).damage(key);
    return store;
  },
  failNextBatch: (store, residue) => asMemory(store).failNext(residue),
  reopen: async (_t, store) => asMemory(store).crash(),
});

function asMemory(store: Store): MemoryStore {
  if (store instanceof MemoryStore) return store;
  throw new Error('the harness makes stores in memory');
}
