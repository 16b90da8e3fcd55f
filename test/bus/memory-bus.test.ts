import { setImmediate } from 'node:timers/promises';
import { MemoryBus } from '../../bus/memory-bus.ts';
import { busContract } from '../contract/bus-contract.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

busContract('memory bus', () => {
  const environment = manualEnvironment();
  const failures: string[] = [];
  const bus = new MemoryBus({
    ...environment,
    onServerFailure: (_, failure) => failures.push((failure as Error).message),
  });
  return {
    bus,
    failures,
    async pass(ms: number) {
      await setImmediate();
      environment.advance(ms);
      await setImmediate();
    },
  };
});
