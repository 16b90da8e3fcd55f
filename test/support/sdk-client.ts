/**
 * A client of @aws-sdk/client-s3 for a server.
 *
 * Owns:          how it is configured.
 * Knows:         the SDK.
 * Must not know: what is tested.
 *
 * The checksum settings are the SDK's defaults: that is what its users have.
 */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { REGION, type GarageProcess } from './garage-process.ts';

export function sdkClient(
  server: Pick<GarageProcess, 'endpoint' | 'credentials'>,
  extra: S3ClientConfig = {},
): S3Client {
  // It says that later versions of the SDK will need a later Node, once in every test file.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const { accessKeyId, secretKey } = server.credentials;
  return new S3Client({
    endpoint: server.endpoint,
    region: REGION,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey: secretKey },
    // A refusal must be seen by the test, not tried three times.
    maxAttempts: 1,
    ...extra,
  });
}
