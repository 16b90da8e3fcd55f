// Method: a form cut into every size of chunk must read the same; the bytes that were lent are
// wiped after each call.
import test from 'ava';
import fc from 'fast-check';
import { FormReader, type FormFields } from '../../../gateway/s3/form-reader.ts';
import type { BodySink, RequestBody } from '../../../gateway/http/exchange.ts';
import { BOUNDARY, formBody } from '../../support/browser-form.ts';

class ChunkedBody implements RequestBody {
  readonly declaredBytes = undefined;
  readonly isChunked = true;
  readonly #chunks: readonly Buffer[];
  #sink: BodySink | undefined;
  #next = 0;
  #isHeld = false;
  #isBusy = false;

  constructor(bytes: Buffer, sizeBytes: number) {
    const count = Math.ceil(bytes.length / sizeBytes);
    this.#chunks = Array.from({ length: count }, (_, index) =>
      bytes.subarray(index * sizeBytes, (index + 1) * sizeBytes),
    );
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#deliver();
  }

  pause(): void {
    this.#isHeld = true;
  }

  resume(): void {
    this.#isHeld = false;
    this.#deliver();
  }

  #deliver(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    while (!this.#isHeld && this.#next < this.#chunks.length) {
      const lent = Buffer.from(this.#chunks[this.#next] ?? '');
      this.#next += 1;
      this.#sink?.chunk(lent);
      lent.fill(0xee);
    }
    this.#isBusy = false;
    if (this.#isHeld || this.#next < this.#chunks.length) return;
    this.#next = Number.MAX_SAFE_INTEGER;
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.end();
  }
}

async function read(body: RequestBody): Promise<{ fields: FormFields; file: Buffer }> {
  const form = new FormReader(body, BOUNDARY);
  const fields = await form.fields();
  const pieces: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    form.start({
      chunk: bytes => pieces.push(Buffer.from(bytes)),
      end: resolve,
      aborted: () => {
        reject(new Error('aborted'));
      },
      refused: reject,
    });
  });
  return { fields, file: Buffer.concat(pieces) };
}

test('a form reads the same in chunks of every size', async t => {
  const piece = fc.constantFrom('a', '\r', '\n', '-', `\r\n--${BOUNDARY.slice(0, 9)}`, '\r\n--');
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 30 }),
      fc.integer({ min: 1, max: 60 }),
      async (pieces, sizeBytes) => {
        const file = pieces.join('');
        const body = formBody([
          { name: 'Key', value: file },
          { name: 'file', value: file, fileName: 'f' },
          { name: 'after', value: file },
        ]);
        const got = await read(new ChunkedBody(body, sizeBytes));
        t.is(got.file.toString(), file);
        t.is(got.fields.values.get('key'), file);
        t.deepEqual([...got.fields.values.keys()], ['key']);
      },
    ),
    { numRuns: 300 },
  );
});

test('a file outside its bounds is refused as soon as that is known', async t => {
  const body = formBody([{ name: 'file', value: 'x'.repeat(100), fileName: 'f' }]);
  const form = new FormReader(new ChunkedBody(body, 10), BOUNDARY);
  await form.fields();
  form.bound({ min: 0, max: 50 });
  let seenBytes = 0;
  const refused = await new Promise(resolve => {
    form.start({
      chunk: bytes => (seenBytes += bytes.length),
      end: () => {
        resolve('ended');
      },
      aborted: () => {
        resolve('aborted');
      },
      refused: error => {
        resolve(error.code);
      },
    });
  });
  t.is(refused, 'EntityTooLarge');
  t.true(seenBytes <= 50);
});
