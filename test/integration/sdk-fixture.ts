/**
 * Clients of @aws-sdk/client-s3 against the server of a test file.
 *
 * Owns:          a bucket of each test's own; reading bodies and refusals.
 * Knows:         the SDK.
 * Must not know: what is tested.
 */
import { CreateBucketCommand, type S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { ExecutionContext } from 'ava';
import type { GarageProcess } from '../support/garage-process.ts';
import { sdkClient } from '../support/sdk-client.ts';
import { sharedGarage } from '../support/shared-garage.ts';

export type SdkWorld = {
  readonly server: GarageProcess;
  readonly client: S3Client;
  /** Fresh and empty. */
  readonly Bucket: string;
};

let buckets = 0;

/** Answers a function that gives each test a client and a bucket of its own. */
export function sdkWorlds(): (t: ExecutionContext, extra?: S3ClientConfig) => Promise<SdkWorld> {
  const shared = sharedGarage();
  return async (t, extra = {}) => {
    const server = await shared();
    const client = sdkClient(server, extra);
    t.teardown(() => {
      client.destroy();
    });
    buckets += 1;
    const Bucket = `sdk-${String(buckets)}`;
    await client.send(new CreateBucketCommand({ Bucket }));
    return { server, client, Bucket };
  };
}

type SdkBody = { transformToByteArray(): Promise<Uint8Array> };

/** The whole body of an answer. */
export async function bytesOf(body: SdkBody | undefined): Promise<Buffer> {
  if (body === undefined) throw new Error('the answer has no body');
  return Buffer.from(await body.transformToByteArray());
}

type SdkFailure = {
  readonly name: string;
  readonly $metadata: { readonly httpStatusCode?: number };
};

/** Status and code of the refusal that the promise must end with, as `412 PreconditionFailed`. */
export async function refusal(sent: Promise<unknown>): Promise<string> {
  try {
    await sent;
  } catch (error) {
    const { name, $metadata } = error as SdkFailure;
    if ($metadata === undefined) throw error;
    return `${String($metadata.httpStatusCode)} ${name}`;
  }
  return 'no refusal';
}
