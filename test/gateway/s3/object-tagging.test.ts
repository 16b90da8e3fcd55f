import test from 'ava';
import { taggingOf } from '../../../gateway/s3/object-tagging.ts';
import { S3Error } from '../../../gateway/s3/s3-error.ts';
import { HeaderList } from '../../../gateway/http/request-headers.ts';
import { READER, s3World } from './s3-world.ts';

const cat = '/pictures/cat';
const document = (...tags: readonly (readonly [string, string])[]): string => {
  const set = tags.map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`);
  return `<Tagging><TagSet>${set.join('')}</TagSet></Tagging>`;
};

function header(text: string): HeaderList {
  const headers = new HeaderList();
  headers.add('x-amz-tagging', text);
  return headers;
}

test('tags are put, got, counted and deleted', async t => {
  const world = s3World();
  await world.ask({ method: 'PUT', target: cat, body: 'meow' });
  t.is((await world.ask({ target: cat })).header('x-amz-tagging-count'), undefined);
  const body = document(['colour', 'black'], ['age', '']);
  const put = await world.ask({ method: 'PUT', target: `${cat}?tagging`, body });
  t.is(put.status, 200);
  const got = await world.ask({ target: `${cat}?tagging` });
  t.deepEqual(got.all('Key'), ['colour', 'age']);
  t.deepEqual(got.all('Value'), ['black', '']);
  for (const method of ['GET', 'HEAD'] as const) {
    t.is((await world.ask({ method, target: cat })).header('x-amz-tagging-count'), '2');
  }
  t.is((await world.ask({ method: 'DELETE', target: `${cat}?tagging` })).status, 204);
  t.regex((await world.ask({ target: `${cat}?tagging` })).text, /<TagSet><\/TagSet>/);
  t.is((await world.ask({ target: cat })).header('x-amz-tagging-count'), undefined);
});

test('a missing object has no tags to get, to put or to delete', async t => {
  const world = s3World();
  for (const method of ['GET', 'PUT', 'DELETE'] as const) {
    const body = method === 'PUT' ? document(['a', 'b']) : '';
    const answer = await world.ask({ method, target: '/pictures/dog?tagging', body });
    t.is(answer.code, 'NoSuchKey');
  }
});

test('who may only read may not change tags', async t => {
  const world = s3World();
  await world.ask({ method: 'PUT', target: cat, body: 'meow' });
  const target = `${cat}?tagging`;
  const put = { method: 'PUT', target, body: document(['a', 'b']), as: READER } as const;
  t.is((await world.ask(put)).code, 'AccessDenied');
  t.is((await world.ask({ method: 'DELETE', target, as: READER })).code, 'AccessDenied');
  t.is((await world.ask({ target, as: READER })).status, 200);
});

test('tags beyond the limits are refused and nothing is changed', async t => {
  const world = s3World();
  await world.ask({ method: 'PUT', target: cat, body: 'meow' });
  const many = Array.from({ length: 11 }, (_, index) => [`k${String(index)}`, 'v'] as const);
  const bad = [
    document(['k'.repeat(129), 'v']),
    document(['k', 'v'.repeat(257)]),
    document(['', 'v']),
    document(['k', '1'], ['k', '2']),
    document(['aws:k', 'v']),
    document(['k', '{}']),
  ];
  for (const body of bad) {
    const answer = await world.ask({ method: 'PUT', target: `${cat}?tagging`, body });
    t.is(answer.code, 'InvalidTag', body);
  }
  const tooMany = { method: 'PUT', target: `${cat}?tagging`, body: document(...many) } as const;
  t.is((await world.ask(tooMany)).code, 'BadRequest');
  for (const body of ['<Tagging/>', '<Tags/>', '<Tagging><TagSet><Tag/></TagSet></Tagging>']) {
    const answer = await world.ask({ method: 'PUT', target: `${cat}?tagging`, body });
    t.is(answer.code, 'MalformedXML', body);
  }
  t.deepEqual((await world.ask({ target: `${cat}?tagging` })).all('Key'), []);
  const most = document(
    ...many.slice(1).map(([key]) => [key.padEnd(128, 'é'), 'w'.repeat(256)] as const),
  );
  const answer = await world.ask({ method: 'PUT', target: `${cat}?tagging`, body: most });
  t.is(answer.status, 200);
});

test('the header of a new object is a query string', t => {
  const tags = taggingOf(header('a=1&b=&c&d%20e=f+g%2F'))?.tags;
  const pairs = tags?.map(({ key, value }) => [key, value]);
  t.deepEqual(pairs, [
    ['a', '1'],
    ['b', ''],
    ['c', ''],
    ['d e', 'f g/'],
  ]);
  t.is(taggingOf(header('')), undefined);
  t.is(taggingOf(new HeaderList()), undefined);
  const codeOf = (text: string): string => {
    const error = t.throws(() => taggingOf(header(text)), { instanceOf: S3Error });
    return error.code;
  };
  t.is(codeOf('a=1&a=2'), 'InvalidArgument');
  t.is(codeOf('a=%zz'), 'InvalidArgument');
  t.is(taggingOf(header('&a=1&&'))?.tags.length, 1, 'what is empty is no tag');
  t.is(codeOf('=1'), 'InvalidTag');
  t.is(
    codeOf(Array.from({ length: 11 }, (_, index) => `k${String(index)}=v`).join('&')),
    'BadRequest',
  );
});

test('an object comes with tags, and a copy with those of its source or its own', async t => {
  const world = s3World();
  const tags = async (key: string): Promise<string[]> =>
    (await world.ask({ target: `/pictures/${key}?tagging` })).all('Value');
  const headers = [['x-amz-tagging', 'colour=black']] as const;
  await world.ask({ method: 'PUT', target: cat, body: 'meow', headers });
  t.deepEqual(await tags('cat'), ['black']);
  const source = ['x-amz-copy-source', 'pictures/cat'] as const;
  const copy = (key: string, ...more: readonly (readonly [string, string])[]) =>
    world.ask({ method: 'PUT', target: `/pictures/${key}`, headers: [source, ...more] });
  await copy('same');
  t.deepEqual(await tags('same'), ['black']);
  const replace = ['x-amz-tagging-directive', 'REPLACE'] as const;
  await copy('white', replace, ['x-amz-tagging', 'colour=white']);
  t.deepEqual(await tags('white'), ['white']);
  await copy('none', replace);
  t.deepEqual(await tags('none'), []);
  await copy('still', ['x-amz-tagging', 'colour=red']);
  t.deepEqual(await tags('still'), ['black'], 'without the directive the header says nothing');
  t.is((await copy('odd', ['x-amz-tagging-directive', 'MERGE'])).code, 'InvalidArgument');
});
