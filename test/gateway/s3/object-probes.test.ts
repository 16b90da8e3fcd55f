import test from 'ava';
import { READER, s3World } from './s3-world.ts';

test('an object has no tags, and a missing one is missing', async t => {
  const world = s3World();
  await world.ask({ method: 'PUT', target: '/pictures/cat', body: 'meow' });
  const tags = await world.ask({ target: '/pictures/cat?tagging' });
  t.is(tags.status, 200);
  t.regex(tags.text, /<Tagging xmlns="[^"]+"><TagSet><\/TagSet><\/Tagging>$/);
  for (const name of ['tagging', 'acl']) {
    t.is((await world.ask({ target: `/pictures/dog?${name}` })).code, 'NoSuchKey');
  }
});

test('the access list of an object is what the key that asks may do with its bucket', async t => {
  const world = s3World();
  await world.ask({ method: 'PUT', target: '/pictures/cat', body: 'meow' });
  const own = await world.ask({ target: '/pictures/cat?acl' });
  t.deepEqual(own.all('Permission'), ['FULL_CONTROL']);
  const reader = await world.ask({ target: '/pictures/cat?acl', as: READER });
  t.deepEqual(reader.all('Permission'), ['READ', 'READ_ACP']);
});

test('tags and access lists cannot be put', async t => {
  const world = s3World();
  await world.ask({ method: 'PUT', target: '/pictures/cat', body: 'meow' });
  for (const method of ['PUT', 'DELETE'] as const) {
    const answer = await world.ask({ method, target: '/pictures/cat?tagging' });
    t.is(answer.code, 'NotImplemented');
  }
  t.is((await world.ask({ method: 'PUT', target: '/pictures/cat?acl' })).code, 'NotImplemented');
  t.is((await world.ask({ target: '/pictures/cat' })).text, 'meow');
});
