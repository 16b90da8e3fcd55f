/**
 * boto3, each Python on the PATH that has it: its transfer manager, paginators and presigner.
 *
 * Owns:          a Python program that compares every download itself.
 * Knows:         boto3.
 * Must not know: the server's code.
 */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from './client.ts';
import type { ClientWorld } from './client-world.ts';

/** Each check is a function of this program, run by its name. */
const PROGRAM = `
import base64, hashlib, io, os, sys, urllib.request
import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, bucket, sources, name, replicas = sys.argv[1:6]
s3 = boto3.client('s3', endpoint_url=endpoint, config=Config(
    signature_version='s3v4', retries={'max_attempts': 1}, s3={'addressing_style': 'path'}))
parts = TransferConfig(multipart_threshold=6 << 20, multipart_chunksize=5 << 20, max_concurrency=4)

def files():
    for folder, _, names in os.walk(sources):
        for one in names:
            path = os.path.join(folder, one)
            yield path, os.path.relpath(path, sources)

def refused(code, call):
    try:
        call()
    except ClientError as error:
        assert error.response['Error']['Code'] == code, error
        return
    raise AssertionError('not refused with ' + code)

def buckets():
    s3.create_bucket(Bucket=bucket)
    assert bucket in [b['Name'] for b in s3.list_buckets()['Buckets']]
    s3.head_bucket(Bucket=bucket)

def transfers():
    for path, key in files():
        s3.upload_file(path, bucket, 'up/' + key, Config=parts,
                       ExtraArgs={'Metadata': {'some': 'thing'}, 'ContentType': 'x/y'})
        with open(path, 'rb') as file:
            want = file.read()
        got = io.BytesIO()
        s3.download_fileobj(bucket, 'up/' + key, got, Config=parts)
        assert hashlib.sha256(got.getvalue()).digest() == hashlib.sha256(want).digest(), key
        head = s3.head_object(Bucket=bucket, Key='up/' + key)
        assert head['ContentLength'] == len(want)
        assert head['Metadata'] == {'some': 'thing'}
        assert head['ContentType'] == 'x/y'

def objects():
    for size in (0, 1, 4096, 4097, 70000, 2000000):
        want = os.urandom(size)
        s3.put_object(Bucket=bucket, Key='o', Body=want)
        got = s3.get_object(Bucket=bucket, Key='o')
        assert got['Body'].read() == want
        assert got['ETag'] == '"' + hashlib.md5(want).hexdigest() + '"'
        s3.put_object(Bucket=bucket, Key='stream', Body=io.BytesIO(want))
        assert s3.get_object(Bucket=bucket, Key='stream')['Body'].read() == want
    part = s3.get_object(Bucket=bucket, Key='o', Range='bytes=100-199')
    assert part['Body'].read() == want[100:200] and part['ContentRange'] == 'bytes 100-199/2000000'
    refused('NoSuchKey', lambda: s3.get_object(Bucket=bucket, Key='missing'))
    refused('InvalidRange', lambda: s3.get_object(Bucket=bucket, Key='o', Range='bytes=2000000-'))
    refused('PreconditionFailed', lambda: s3.get_object(Bucket=bucket, Key='o', IfMatch='"x"'))

def metadata():
    s3.put_object(Bucket=bucket, Key='m', Body=b'x', Metadata={'a-b': 'c d', 'e_f': 'g'})
    assert s3.head_object(Bucket=bucket, Key='m')['Metadata'] == {'a-b': 'c d', 'e_f': 'g'}
    s3.copy_object(Bucket=bucket, Key='m2', CopySource={'Bucket': bucket, 'Key': 'm'})
    assert s3.head_object(Bucket=bucket, Key='m2')['Metadata'] == {'a-b': 'c d', 'e_f': 'g'}
    s3.copy_object(Bucket=bucket, Key='m', CopySource={'Bucket': bucket, 'Key': 'm'},
                   MetadataDirective='REPLACE', Metadata={'new': '1'})
    assert s3.head_object(Bucket=bucket, Key='m')['Metadata'] == {'new': '1'}

def copies():
    source = {'Bucket': bucket, 'Key': 'o'}
    s3.copy(source, bucket, 'copied', Config=TransferConfig(multipart_threshold=1 << 20,
                                                            multipart_chunksize=5 << 20))
    want = s3.get_object(Bucket=bucket, Key='o')['Body'].read()
    assert s3.get_object(Bucket=bucket, Key='copied')['Body'].read() == want

def listings():
    names = sorted(['l/%03d' % n for n in range(25)] + ['l/\\u00fc b+%', 'l/<&>', "l/'quoted'"],
                   key=lambda name: name.encode())
    for one in names:
        s3.put_object(Bucket=bucket, Key=one, Body=one.encode())
    for operation in ('list_objects_v2', 'list_objects'):
        pages = s3.get_paginator(operation).paginate(
            Bucket=bucket, Prefix='l/', PaginationConfig={'PageSize': 7})
        assert [o['Key'] for page in pages for o in page['Contents']] == names, operation
    gone = s3.delete_objects(Bucket=bucket, Delete={'Objects': [{'Key': one} for one in names]})
    assert len(gone['Deleted']) == len(names) and 'Errors' not in gone, gone
    assert s3.list_objects_v2(Bucket=bucket, Prefix='l/')['KeyCount'] == 0

def presigned():
    put = s3.generate_presigned_url('put_object', Params={'Bucket': bucket, 'Key': 'p q'})
    request = urllib.request.Request(put, data=b'presigned', method='PUT')
    request.add_header('Content-Type', '')
    assert urllib.request.urlopen(request).status == 200
    get = s3.generate_presigned_url('get_object', Params={'Bucket': bucket, 'Key': 'p q'})
    assert urllib.request.urlopen(get).read() == b'presigned'

def keys():
    key, other = os.urandom(32), os.urandom(32)
    def keyed(one, prefix=''):
        return {prefix + 'SSECustomerAlgorithm': 'AES256', prefix + 'SSECustomerKey': one}
    for path, name in files():
        remote, back = 'key/' + name, io.BytesIO()
        s3.upload_file(path, bucket, remote, Config=parts, ExtraArgs=keyed(key))
        s3.download_fileobj(bucket, remote, back, Config=parts, ExtraArgs=keyed(key))
        assert back.getvalue() == open(path, 'rb').read(), name
        refused('400', lambda: s3.head_object(Bucket=bucket, Key=remote))
        refused('403', lambda: s3.head_object(Bucket=bucket, Key=remote, **keyed(other)))
        refused('InvalidRequest', lambda: s3.get_object(Bucket=bucket, Key=remote))
        refused('AccessDenied', lambda: s3.get_object(Bucket=bucket, Key=remote, **keyed(other)))
        size = len(back.getvalue())
        if size > 300:
            part = s3.get_object(Bucket=bucket, Key=remote, Range='bytes=200-299', **keyed(key))
            assert part['Body'].read() == back.getvalue()[200:300], name
        source = {'Bucket': bucket, 'Key': remote}
        extra = {**keyed(key, 'CopySource'), **keyed(other)}
        s3.copy(source, bucket, 'rekeyed', Config=parts, ExtraArgs=extra)
        got = s3.get_object(Bucket=bucket, Key='rekeyed', **keyed(other))
        assert got['Body'].read() == back.getvalue(), name
    params = {'Bucket': bucket, 'Key': 'rekeyed', **keyed(other)}
    url = s3.generate_presigned_url('get_object', Params=params)
    digest = base64.b64encode(hashlib.md5(other).digest()).decode()
    request = urllib.request.Request(url, headers={
        'x-amz-server-side-encryption-customer-algorithm': 'AES256',
        'x-amz-server-side-encryption-customer-key': base64.b64encode(other).decode(),
        'x-amz-server-side-encryption-customer-key-MD5': digest})
    assert urllib.request.urlopen(request).read() == back.getvalue()

def conditions():
    s3.put_object(Bucket=bucket, Key='c', Body=b'1')
    shape = s3.meta.service_model.operation_model('PutObject').input_shape.members
    if 'IfNoneMatch' in shape:
        # Several replicas do not decide conditions yet, and say so instead of ignoring them.
        refused('PreconditionFailed' if replicas == '1' else 'NotImplemented',
                lambda: s3.put_object(Bucket=bucket, Key='c', Body=b'2', IfNoneMatch='*'))
    assert s3.get_object(Bucket=bucket, Key='c')['Body'].read() == b'1'

def ends():
    resource = boto3.resource('s3', endpoint_url=endpoint).Bucket(bucket)
    refused('BucketNotEmpty', lambda: s3.delete_bucket(Bucket=bucket))
    resource.objects.all().delete()
    s3.delete_bucket(Bucket=bucket)
    refused('404', lambda: s3.head_bucket(Bucket=bucket))

globals()[name]()
`;

const CHECKS: readonly (readonly [name: string, title: string])[] = [
  ['buckets', 'create, list and head a bucket'],
  ['transfers', 'upload_file and download_fileobj of every size'],
  ['objects', 'put, get, ranges, streams, refusals'],
  ['metadata', 'user metadata, copied and replaced'],
  ['copies', 'the managed copy, in parts'],
  ['listings', 'paginators of both listings, delete_objects'],
  ['presigned', 'presigned URLs'],
  ['keys', 'files and copies under keys of its own'],
  ['conditions', 'If-None-Match'],
  ['ends', 'delete everything'],
];

/** `python`: the path of one interpreter. */
export function boto3(python: string): Client {
  return {
    name: `boto3 of ${python}`,
    packages: [],
    missing: () => {
      const tried = spawnSync(python, ['-c', 'import boto3'], { stdio: 'ignore' });
      return tried.status === 0 ? undefined : `${python} has no boto3`;
    },
    checks: CHECKS.map(([name, title]) => ({
      title,
      run: async (world: ClientWorld) => {
        const program = join(world.directory, 'check.py');
        await writeFile(program, PROGRAM);
        const { server, bucket, sources, copies } = world;
        const about = [server.endpoint, bucket, sources, name, String(copies)];
        await world.run(python, program, ...about);
      },
    })),
  };
}
