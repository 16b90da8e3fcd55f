import test from 'ava';
import { HeaderList } from '../../../gateway/http/request-headers.ts';
import { originOf } from '../../../gateway/s3/request-origin.ts';

test('links are to where the client came in, over TLS where it did', t => {
  const headers = new HeaderList();
  headers.add('host', 's3.example.org:8443');
  t.is(originOf({ headers, isSecure: false }), 'http://s3.example.org:8443');
  t.is(originOf({ headers, isSecure: true }), 'https://s3.example.org:8443');
});
