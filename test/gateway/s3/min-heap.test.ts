import test from 'ava';
import fc from 'fast-check';
import { MinHeap } from '../../../gateway/s3/min-heap.ts';

test('things come out in order, whenever they were put in', t => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { nil: undefined })), steps => {
      const heap = new MinHeap<number>((a, b) => a - b);
      let twin: number[] = [];
      for (const step of steps) {
        if (step === undefined) t.is(heap.pop(), twin.shift());
        else {
          heap.push(step);
          twin = [...twin, step].sort((a, b) => a - b);
        }
        t.is(heap.peek(), twin[0]);
        t.is(heap.size, twin.length);
      }
    }),
  );
});
