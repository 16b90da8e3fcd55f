import { setImmediate } from 'node:timers/promises';
import { MemoryBus } from '../../bus/memory-bus.ts';
import { busContract } from '../contract/bus-contract.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

for (const codecs of ['ignored', 'exercised'] as const) {
  const name = codecs === 'ignored' ? 'memory bus' : 'memory bus through bytes';
  busContract(name, () => {
    const environment = manualEnvironment();
    const failures: string[] = [];
    const bus = new MemoryBus({
      ...environment,
      codecs,
      onServerFailure: (_, failure) => failures.push((failure as Error).message),
    });
    return {
      asking: bus,
      answering: bus,
      cluster: 'test',
      codecs: codecs === 'ignored' ? 'ignored' : 'used',
      failures,
      nowMs: () => environment.clock.monotonicMs(),
      async pass(ms: number) {
        await setImmediate();
        environment.advance(ms);
        await setImmediate();
      },
      async settle() {
        await setImmediate();
      },
    };
  });
}
