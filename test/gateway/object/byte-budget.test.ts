import test from 'ava';
import { ByteBudget } from '../../../gateway/object/byte-budget.ts';

test('bytes beyond the budget wait, in the order they were asked for', async t => {
  const budget = new ByteBudget(100);
  t.true(budget.tryTake(60));
  t.false(budget.tryTake(50));
  const served: number[] = [];
  const large = budget.take(50).then(() => served.push(50));
  const small = budget.take(10).then(() => served.push(10));
  // There would be room for the small one, but the large one came first.
  t.false(budget.tryTake(1));
  t.is(budget.usedBytes, 60);
  budget.give(60);
  await Promise.all([large, small]);
  t.deepEqual(served, [50, 10]);
  budget.give(60);
  t.is(budget.usedBytes, 0);
  t.throws(() => {
    budget.give(1);
  });
});
