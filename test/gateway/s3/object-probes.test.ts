import test from 'ava';
import { READER, s3World } from './s3-world.ts';

test('the access list of an object is what the key that asks may do with its bucket', async t => {
  const world = s3World();
  await world.ask({ method: 'PUT', target: '/pictures/cat', body: 'meow' });
  const own = await world.ask({ target: '/pictures/cat?acl' });
  t.deepEqual(own.all('Permission'), ['FULL_CONTROL']);
  const reader = await world.ask({ target: '/pictures/cat?acl', as: READER });
  t.deepEqual(reader.all('Permission'), ['READ', 'READ_ACP']);
});

test('a missing object has no access list', async t => {
  t.is((await s3World().ask({ target: '/pictures/dog?acl' })).code, 'NoSuchKey');
});

test('access lists cannot be put', async t => {
  const world = s3World();
  await world.ask({ method: 'PUT', target: '/pictures/cat', body: 'meow' });
  t.is((await world.ask({ method: 'PUT', target: '/pictures/cat?acl' })).code, 'NotImplemented');
  t.is((await world.ask({ target: '/pictures/cat' })).text, 'meow');
});
