import test from 'ava';
import fc from 'fast-check';
import { Mailbox } from '../../../actors/runtime/mailbox.ts';

test('items come out in the order they went in', t => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat())), steps => {
      const mailbox = new Mailbox<number>({ itemsMax: 10_000, weightMax: 10_000 });
      const twin: number[] = [];
      for (const step of steps) {
        if (step === null) t.is(mailbox.take(), twin.shift());
        else {
          mailbox.offer(step, 1);
          twin.push(step);
        }
        t.is(mailbox.length, twin.length);
        t.is(mailbox.weight, twin.length);
      }
    }),
  );
});

test('a full mailbox takes nothing more until something was taken out', t => {
  const mailbox = new Mailbox<string>({ itemsMax: 2, weightMax: 100 });
  t.true(mailbox.offer('a', 1));
  t.true(mailbox.offer('b', 1));
  t.false(mailbox.offer('c', 1));
  t.is(mailbox.take(), 'a');
  t.true(mailbox.offer('c', 1));
});

test('weight is bounded too, but an empty mailbox takes an item of any weight', t => {
  const mailbox = new Mailbox<string>({ itemsMax: 10, weightMax: 100 });
  t.true(mailbox.offer('heavy', 1000));
  t.false(mailbox.offer('light', 1));
  t.is(mailbox.take(), 'heavy');
  t.true(mailbox.offer('light', 60));
  t.false(mailbox.offer('more', 41));
  t.true(mailbox.offer('fits', 40));
});

test('what was taken out is let go of, however long the mailbox is never empty', t => {
  const mailbox = new Mailbox<number>({ itemsMax: 10, weightMax: 100 });
  mailbox.offer(-1, 1);
  for (let index = 0; index < 5000; index += 1) {
    mailbox.offer(index, 1);
    t.is(mailbox.take(), index - 1);
  }
  t.is(mailbox.length, 1);
});
