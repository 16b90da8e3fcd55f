// Method: the contract of stores, on LevelDB in a temporary directory. A damaged row is one whose
// bytes are written behind the store's back; a failed batch is one whose write is made to throw.
import { storeContract } from '../../contract/store-contract.ts';
import {
  directoryOf,
  failNextBatch,
  openLevelStore,
  openRaw,
  temporaryDirectory,
} from './level-fixture.ts';

storeContract('LevelDB', {
  open: t => openLevelStore(t, temporaryDirectory(t)),
  async damage(t, store, key) {
    await store.close();
    const directory = directoryOf(store);
    const raw = await openRaw(directory);
    await raw.put(key, Buffer.from('not what was stored'));
    await raw.close();
    return openLevelStore(t, directory);
  },
  failNextBatch,
  async reopen(t, store) {
    await store.close();
    return openLevelStore(t, directoryOf(store));
  },
});
