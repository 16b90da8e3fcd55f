// Method: heads of every kind through their bytes and back; a head that a later release made
// longer; and bytes that are no frame.
import test from 'ava';
import fc from 'fast-check';
import {
  answerFrame,
  busyFrame,
  isPart,
  readReplyFrame,
  readRequestFrame,
  requestFrame,
} from '../../bus/frame.ts';
import { CodecError } from '../../schemas/codec.ts';
import { decodeMessage, encodeMessage, text } from '../../schemas/wire.ts';

const message = encodeMessage(text, 'the message');

test('a request says who asks, for how long, and what it knows', t => {
  const heads = fc.record(
    {
      call: fc.nat(2 ** 32 - 1),
      remainingMs: fc.nat(2 ** 31),
      sentAtMs: fc.double({ noNaN: true }),
      sender: fc.nat(2 ** 48 - 1),
      layouts: fc.stringMatching(/^[a-z0-9.]{1,60}$/),
    },
    { requiredKeys: ['call', 'remainingMs', 'sentAtMs', 'sender'] },
  );
  fc.assert(
    fc.property(heads, head => {
      const read = readRequestFrame(Buffer.concat(requestFrame(head, message)));
      t.deepEqual(read.head, head);
      t.is(decodeMessage(text, read.message), 'the message');
    }),
  );
});

test('a reply says which call it is for, or that nobody took it on', t => {
  const answer = readReplyFrame(Buffer.concat(answerFrame(7, message)));
  t.deepEqual(answer.head, { call: 7, kind: 'answered' });
  t.is(decodeMessage(text, answer.message), 'the message');
  t.deepEqual(readReplyFrame(busyFrame(2 ** 32 - 1)).head, { call: 2 ** 32 - 1, kind: 'busy' });
});

test('what a later release appends to a head is passed', t => {
  const [frame] = answerFrame(7, message);
  const longer = Buffer.concat([frame.subarray(0, 8), Buffer.from('more'), frame.subarray(8)]);
  longer.writeUInt16BE(12, 2);
  const read = readReplyFrame(longer);
  t.is(read.head.call, 7);
  t.is(decodeMessage(text, read.message), 'the message');
});

test('what is no frame is refused with the error of codecs', t => {
  const [request] = requestFrame({ call: 1, remainingMs: 1, sentAtMs: 1, sender: 1 }, message);
  t.throws(() => readReplyFrame(request), { instanceOf: CodecError });
  t.throws(() => readRequestFrame(answerFrame(1, message)[0]), { instanceOf: CodecError });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), foreign => {
      const bytes = Buffer.from(foreign);
      t.is(typeof isPart(bytes), 'boolean');
      for (const read of [readRequestFrame, readReplyFrame]) {
        try {
          read(bytes);
        } catch (error) {
          t.true(error instanceof CodecError);
        }
      }
    }),
  );
});
