/**
 * Sends an exchange to a door, over a socket of its own or through the AWS SDK.
 *
 * Owns:          what a case's words about signing, chunks and the wire become.
 * Knows:         the tests' signer, the SDK.
 * Must not know: what is expected.
 */
import { hash } from 'node:crypto';
import * as sdk from '@aws-sdk/client-s3';
import { FORM_TYPE, formBody, signedPolicy, type FormPart } from '../support/browser-form.ts';
import { REGION, type Credentials, type GarageProcess } from '../support/garage-process.ts';
import { RawConnection, type RawReply } from '../support/raw-http.ts';
import { SignedRequests, headText } from '../support/signed-requests.ts';
import type { HeaderPair } from '../support/sigv4-signer.ts';
import { sdkClient } from '../support/sdk-client.ts';
import type { Asked, Called, Caller, Form } from './s3-case.ts';

export type Reply = {
  readonly status: number;
  /** Of an error that the SDK was answered; documents are read by who judges. */
  readonly code?: string;
  readonly raw?: RawReply;
  /** What the SDK made of it. */
  readonly output?: Readonly<Record<string, unknown>>;
};

export type Callers = Readonly<Record<Exclude<Caller, 'nobody'>, Credentials>>;

type SdkFailure = { readonly name: string; readonly $metadata?: sdk.GetObjectOutput['Metadata'] };

/** One server's S3 and website doors. */
export class Sender {
  readonly #server: GarageProcess;
  readonly #requests: SignedRequests;
  readonly #callers: Callers;
  readonly #clients = new Map<string, sdk.S3Client>();

  constructor(server: GarageProcess, callers: Callers) {
    this.#server = server;
    this.#requests = new SignedRequests(server);
    this.#callers = callers;
  }

  send(exchange: Asked | Called): Promise<Reply> {
    return 'ask' in exchange ? this.#ask(exchange) : this.#call(exchange);
  }

  close(): void {
    for (const client of this.#clients.values()) client.destroy();
  }

  async #ask(asked: Asked): Promise<Reply> {
    const [method = ''] = asked.ask.split(' ');
    const port = asked.door === 'website' ? this.#server.ports.web : this.#server.ports.s3;
    const connection = await RawConnection.open({ port });
    try {
      void connection.send(this.#bytesOf(asked));
      const raw = await connection.readReply({ method });
      if (raw === undefined) throw new Error('the connection was closed without an answer');
      return { status: raw.status, raw };
    } finally {
      connection.destroy();
    }
  }

  #bytesOf(asked: Asked): Uint8Array {
    const { door, as = 'owner', presigned, chunks, form } = asked;
    if (door === 'website') return this.#visit(asked);
    if (form !== undefined) return this.#form(asked, form);
    if (presigned !== undefined) return this.#presigned(asked);
    if (as === 'nobody') return unsigned(asked, this.#requests.host);
    const { wire: { ageSeconds = 0, secret, accessKeyId, ...wire } = {} } = asked;
    const known = this.#callers[as];
    const request = {
      ...targetOf(asked),
      headers: headersOf(asked),
      timeMs: Date.now() - ageSeconds * 1000,
      credentials: {
        accessKeyId: accessKeyId ?? known.accessKeyId,
        secretKey: secret === 'wrong' ? '0'.repeat(64) : known.secretKey,
      },
      ...wire,
    };
    if (chunks === undefined) {
      const { body } = asked;
      return this.#requests.build(body === undefined ? request : { ...request, body }).bytes;
    }
    const { are, ...framing } = chunks;
    const data = Buffer.from(asked.body ?? '');
    return this.#requests.buildChunked({ ...request, data, chunks: are, ...framing }).bytes;
  }

  #presigned(asked: Asked): Uint8Array {
    const { as = 'owner', presigned = {} } = asked;
    const { expires = 60, ageSeconds = 0, append = '', signedFor } = presigned;
    const { method, path, query = '' } = targetOf({ ask: signedFor ?? asked.ask });
    const { host } = this.#requests;
    const credentials = as === 'nobody' ? undefined : this.#callers[as];
    const { target } = this.#requests.signer(credentials).presign({
      ...{ method, path, query, expiresSeconds: expires },
      headers: [['host', host], ...headersOf(asked)],
      timeMs: Date.now() - ageSeconds * 1000,
    });
    const signature = target.slice(target.indexOf('?'));
    const sent = targetOf(asked);
    return unsigned({ ...asked, ask: `${sent.method} ${sent.path}${signature}${append}` }, host);
  }

  #form(asked: Asked, form: Form): Uint8Array {
    const { as = 'owner', headers } = asked;
    const { fields, file, fileName = 'cat.png', conditions = [], more = [] } = form;
    const { expiration, document } = form;
    const change = {
      ...(expiration && { expiration }),
      ...(document === undefined ? {} : { document }),
    };
    const signer = as === 'nobody' ? undefined : this.#callers[as];
    const key = signer && { ...signer, region: REGION, nowMs: Date.now() };
    const signed = key === undefined ? {} : signedPolicy(key, conditions, change);
    const parts: FormPart[] = Object.entries({ ...fields, ...signed }).map(([name, value]) => ({
      ...{ name, value },
    }));
    if (file !== undefined) parts.push({ name: 'file', value: file, fileName });
    const sent = { 'content-type': FORM_TYPE, ...headers };
    return unsigned(
      { ...asked, headers: sent, body: formBody([...parts, ...more]) },
      this.#requests.host,
    );
  }

  /** As a browser would: the site is the host. */
  #visit(asked: Asked): Uint8Array {
    const [method = '', target = ''] = asked.ask.split(' ');
    const [, site = '', path = ''] = /^\/([^/?]*)(.*)$/s.exec(target) ?? [];
    return unsigned({ ...asked, ask: `${method} ${path}` }, `${site}.web.localhost`);
  }

  async #call({ call, input, as = 'owner' }: Called): Promise<Reply> {
    const commands = sdk as unknown as Record<string, new (input: unknown) => never>;
    const Command = commands[`${call}Command`];
    if (Command === undefined) throw new Error(`the SDK has no ${call}`);
    try {
      const answer: object = await this.#client(as).send(new Command(input));
      const output = answer as Readonly<Record<string, unknown>>;
      const body = output['Body'] as { transformToString?(): Promise<string> } | undefined;
      const Body = await body?.transformToString?.();
      const { httpStatusCode } = output['$metadata'] as { readonly httpStatusCode: number };
      return { status: httpStatusCode, output: Body === undefined ? output : { ...output, Body } };
    } catch (error) {
      const { name, $metadata } = error as SdkFailure;
      if ($metadata?.['httpStatusCode'] === undefined) throw error;
      return { status: Number($metadata['httpStatusCode']), code: name };
    }
  }

  #client(as: Exclude<Caller, 'nobody'>): sdk.S3Client {
    let client = this.#clients.get(as);
    if (client === undefined) {
      client = sdkClient({ ...this.#server, credentials: this.#callers[as] });
      this.#clients.set(as, client);
    }
    return client;
  }
}

function targetOf({ ask }: Pick<Asked, 'ask'>): {
  readonly method: string;
  readonly path: string;
  readonly query?: string;
} {
  const [method = '', target = ''] = ask.split(' ');
  const mark = target.indexOf('?');
  if (mark < 0) return { method, path: target };
  return { method, path: target.slice(0, mark), query: target.slice(mark + 1) };
}

function headersOf({ headers = {}, hasMd5, body = '' }: Asked): readonly HeaderPair[] {
  const pairs: HeaderPair[] = Object.entries(headers);
  if (hasMd5 === true) pairs.push(['content-md5', hash('md5', body, 'base64')]);
  return pairs;
}

function unsigned(asked: Asked, host: string): Uint8Array {
  const body = Buffer.from(asked.body ?? '');
  const hasLength = asked.body !== undefined || /^(PUT|POST)/.test(asked.ask);
  const headers: HeaderPair[] = [['host', host], ...headersOf(asked)];
  if (hasLength) headers.push(['content-length', String(body.length)]);
  return Buffer.concat([Buffer.from(headText(asked.ask, headers), 'latin1'), body]);
}
