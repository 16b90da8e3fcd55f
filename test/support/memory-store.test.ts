// Method: the contract that every store is held to.
import { storeContract } from '../contract/store-contract.ts';
import type { Store } from '../../actors/storage/store.ts';
import { MemoryStore } from './memory-store.ts';

function memory(store: Store): MemoryStore {
  if (store instanceof MemoryStore) return store;
  throw new Error('made elsewhere');
}

storeContract('memory', {
  async open(t) {
    const store = new MemoryStore();
    t.teardown(() => store.close());
    return store;
  },
  async damage(_t, store, key) {
    memory(store).damage(key);
    return store;
  },
  failNextBatch(store, residue) {
    memory(store).failNext(residue);
  },
  async reopen(_t, store) {
    return memory(store).crash();
  },
});
