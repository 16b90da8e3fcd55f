/**
 * Reads a browser's form, multipart/form-data, while it arrives.
 *
 * Owns:          the boundaries; the bounds of what stands before the file; back-pressure.
 * Knows:         RFC 7578, RFC 2046; "POST Object" of the S3 API reference.
 * Must not know: which fields there are, what the file becomes.
 *
 * The fields come first, and are bounded; then the file, as long as it likes. What follows the file
 * is passed over, but the form must end as forms end: a file that was cut off must not look whole.
 */
import { isUtf8 } from 'node:buffer';
import { PUT_BYTES_MAX } from '../../schemas/limits.ts';
import type { BodySink, RequestBody } from '../http/exchange.ts';
import { tooLarge } from '../object/http-payload.ts';
import { readPartHead, type PartHead } from './form-part.ts';
import { S3Error } from './s3-error.ts';

/** "The form data and boundaries (excluding the contents of the file) cannot exceed 20 KB." */
export const FORM_BYTES_MAX = 20 * 1024;
const PART_HEAD_BYTES_MAX = 8 * 1024;
const FILE = 'file';
const EMPTY = Buffer.alloc(0);
const CARRIAGE_RETURN = 0x0d;
const HYPHENS = Buffer.from('--');
const HEAD_END = Buffer.from('\r\n\r\n');

export type FormFields = {
  /** By lower-case name. */
  readonly values: ReadonlyMap<string, string>;
  /** As the browser gave it; empty when it gave none. */
  readonly fileName: string;
};

export type SizeRange = { readonly min: number; readonly max: number };

/** Receives the file; exactly one of the last three is called, last. */
export type FileSink = BodySink & { refused(error: S3Error): void };

export class FormReader implements BodySink {
  readonly #body: RequestBody;
  readonly #delimiter: Buffer;
  #state: 'head' | 'content' | 'epilogue' | 'failed' = 'content';
  /** What the content that is read now belongs to. */
  #part: 'skipped' | 'field' | 'file' = 'skipped';
  /** The first delimiter has no line before it. */
  #carry: Buffer = Buffer.from('\r\n');
  #seenBytes = 0;
  #name = '';
  #pieces: Buffer[] = [];
  readonly #values = new Map<string, string>();
  #hasFile = false;
  #fileBytes = 0;
  #range: SizeRange = { min: 0, max: PUT_BYTES_MAX };
  #found: ((fields: FormFields) => void) | undefined;
  #refuse: ((error: S3Error) => void) | undefined;
  #sink: FileSink | undefined;
  /** Bytes of the file that came before somebody wanted them. */
  #kept: Buffer[] = [];
  #outcome: 'ended' | 'aborted' | S3Error | undefined;

  constructor(body: RequestBody, boundary: string) {
    this.#body = body;
    this.#delimiter = Buffer.from(`\r\n--${boundary}`);
  }

  /** All fields before the file. Rejects with S3Error. */
  fields(): Promise<FormFields> {
    return new Promise((resolve, reject) => {
      this.#found = resolve;
      this.#refuse = reject;
      this.#body.start(this);
    });
  }

  /** How many bytes the file may have; before it is started. All of it may have come already. */
  bound(range: SizeRange): void {
    this.#range = { min: range.min, max: Math.min(range.max, PUT_BYTES_MAX) };
    if (this.#outcome === 'ended') {
      this.#outcome = undefined;
      this.#state = 'epilogue';
      this.end();
    } else {
      this.#checkLargest();
    }
  }

  /** Delivers the file, as a request's body would be. */
  start(sink: FileSink): void {
    this.#sink = sink;
    const kept = this.#kept;
    this.#kept = [];
    if (!(this.#outcome instanceof S3Error)) for (const piece of kept) sink.chunk(piece);
    this.#tell();
    this.#body.resume();
  }

  pause(): void {
    this.#body.pause();
  }

  resume(): void {
    this.#body.resume();
  }

  chunk(bytes: Uint8Array): void {
    if (this.#state === 'failed' || this.#state === 'epilogue') return;
    this.#seenBytes += bytes.length;
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let data = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
    this.#carry = EMPTY;
    while (data.length > 0) {
      if (this.#state === 'head') data = this.#readHead(data);
      else if (this.#state === 'content') data = this.#readContent(data);
      else return;
    }
    if (!this.#hasFile && this.#seenBytes > FORM_BYTES_MAX) this.#fail(tooMuch());
  }

  end(): void {
    if (this.#state === 'failed') return;
    if (this.#state !== 'epilogue') this.#fail(malformedForm('The form has no end.'));
    else if (!this.#hasFile) this.#fail(noFile());
    else if (this.#fileBytes > this.#range.max) this.#checkLargest();
    else if (this.#fileBytes < this.#range.min) this.#fail(tooSmall(this.#fileBytes, this.#range));
    else this.#settle('ended');
  }

  aborted(): void {
    this.#refuse?.(new S3Error('IncompleteBody', { message: 'The client went away.' }));
    this.#state = 'failed';
    this.#settle('aborted');
  }

  /** `data` begins behind a delimiter. Answers what is left of it. */
  #readHead(data: Buffer): Buffer {
    if (data.length < HYPHENS.length) return this.#keep(data);
    if (data.subarray(0, HYPHENS.length).equals(HYPHENS)) {
      this.#state = 'epilogue';
      return EMPTY;
    }
    const end = data.indexOf(HEAD_END);
    if (end < 0) {
      if (data.length > PART_HEAD_BYTES_MAX) this.#fail(malformedForm('A part has no beginning.'));
      return this.#keep(data);
    }
    const head = readPartHead(data.subarray(0, end));
    if (head === undefined) this.#fail(malformedForm('A part of the form has no name.'));
    else this.#beginPart(head, data.length - end);
    return data.subarray(end + HEAD_END.length);
  }

  #beginPart({ name, fileName }: PartHead, unreadBytes: number): void {
    this.#state = 'content';
    this.#part = 'skipped';
    const isFile = name === FILE;
    if (this.#hasFile) {
      if (isFile) this.#fail(new S3Error('IncorrectNumberOfFilesInPostRequest'));
      return;
    }
    if (this.#seenBytes - unreadBytes > FORM_BYTES_MAX) {
      this.#fail(tooMuch());
      return;
    }
    this.#part = isFile ? 'file' : 'field';
    this.#name = name;
    if (isFile) this.#beginFile(fileName);
  }

  #beginFile(fileName: string): void {
    this.#hasFile = true;
    // Whoever reads the fields looks things up first.
    this.#body.pause();
    this.#found?.({ values: this.#values, fileName });
    this.#refuse = undefined;
  }

  /** Up to the next delimiter, or to where one may begin. */
  #readContent(data: Buffer): Buffer {
    const at = data.indexOf(this.#delimiter);
    if (at < 0) {
      const sure = Math.max(0, data.length - this.#delimiter.length + 1);
      const begin = data.indexOf(CARRIAGE_RETURN, sure);
      const end = begin < 0 ? data.length : begin;
      this.#give(data.subarray(0, end));
      return this.#keep(data.subarray(end));
    }
    this.#give(data.subarray(0, at));
    if (this.#part === 'field') this.#endField();
    if (this.#state === 'content') this.#state = 'head';
    return data.subarray(at + this.#delimiter.length);
  }

  #give(bytes: Buffer): void {
    if (bytes.length === 0 || this.#part === 'skipped') return;
    if (this.#part === 'field') {
      this.#pieces.push(Buffer.from(bytes));
      return;
    }
    this.#fileBytes += bytes.length;
    this.#checkLargest();
    if (this.#state === 'failed') return;
    if (this.#sink === undefined) this.#kept.push(Buffer.from(bytes));
    else this.#sink.chunk(bytes);
  }

  #checkLargest(): void {
    const { max } = this.#range;
    if (this.#fileBytes <= max || this.#outcome instanceof S3Error) return;
    this.#fail(
      max === PUT_BYTES_MAX
        ? tooLarge(this.#fileBytes)
        : new S3Error('EntityTooLarge', {
            fields: { ProposedSize: String(this.#fileBytes), MaxSizeAllowed: String(max) },
          }),
    );
  }

  #endField(): void {
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    if (!isUtf8(bytes)) this.#fail(malformedForm('A field of the form is not UTF-8.'));
    else if (this.#values.has(this.#name)) this.#fail(givenTwice(this.#name));
    else this.#values.set(this.#name, bytes.toString());
  }

  #keep(data: Buffer): Buffer {
    this.#carry = Buffer.from(data);
    return EMPTY;
  }

  #fail(error: S3Error): void {
    if (this.#state === 'failed') return;
    this.#state = 'failed';
    this.#kept = [];
    this.#refuse?.(error);
    this.#settle(error);
  }

  #settle(outcome: 'ended' | 'aborted' | S3Error): void {
    this.#outcome ??= outcome;
    this.#tell();
  }

  #tell(): void {
    const outcome = this.#outcome;
    const sink = this.#sink;
    if (outcome === undefined || sink === undefined) return;
    this.#sink = undefined;
    if (outcome === 'ended') sink.end();
    else if (outcome === 'aborted') sink.aborted();
    else sink.refused(outcome);
  }
}

function tooSmall(sizeBytes: number, { min }: SizeRange): S3Error {
  return new S3Error('EntityTooSmall', {
    fields: { ProposedSize: String(sizeBytes), MinSizeAllowed: String(min) },
  });
}

function tooMuch(): S3Error {
  return new S3Error('MaxPostPreDataLengthExceeded');
}

function malformedForm(message: string): S3Error {
  return new S3Error('MalformedPOSTRequest', { message });
}

function givenTwice(name: string): S3Error {
  return new S3Error('InvalidArgument', {
    message: 'A field of the form is given more than once.',
    fields: { ArgumentName: name },
  });
}

function noFile(): S3Error {
  return new S3Error('InvalidArgument', {
    message: 'A POST upload needs exactly one file, after all other fields.',
    fields: { ArgumentName: FILE },
  });
}
