import test from 'ava';
import fc from 'fast-check';
import { XML_BODY_BYTES_MAX } from '../../../schemas/limits.ts';
import { S3Error } from '../../../gateway/s3/s3-error.ts';
import { childrenOf, parseXml, textOf } from '../../../gateway/s3/s3-xml.ts';
import { element, escapeXml } from '../../../gateway/s3/xml-writer.ts';

/** The text of the only key of a document, or the code of its refusal. */
function keyOf(document: string | Uint8Array): string {
  try {
    const [key] = parseXml(Buffer.from(document), 'Delete').children;
    return key === undefined ? '(no key)' : textOf(key);
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    return error.code;
  }
}

function documentOf(content: string): string {
  return `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</Delete>`;
}

test('every character but NUL is read as it was written', t => {
  const points: number[] = [];
  for (let point = 1; point <= 0x10ffff; point += 1) {
    if (point < 0xd800 || point > 0xdfff) points.push(point);
  }
  for (let first = 0; first < points.length; first += 20_000) {
    const text = String.fromCodePoint(...points.slice(first, first + 20_000));
    const written = documentOf(element('Key', text));
    const read = keyOf(written);
    if (read !== text) t.fail(`differs behind U+${(points[first] ?? 0).toString(16)}`);
  }
  t.pass();
});

test('any text is read as it was written', t => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), text => {
      const expected = text.includes('\0') ? 'MalformedXML' : text;
      t.is(keyOf(documentOf(element('Key', text))), expected);
    }),
  );
});

test('what a parser would change is written as a reference', t => {
  t.is(escapeXml('a\rb'), 'a&#13;b');
  t.is(escapeXml(`<&>"'`), '&lt;&amp;&gt;&quot;&apos;');
  t.is(escapeXml('\x01\x1f\x7f\ufffe'), '&#1;&#31;&#127;&#65534;');
  t.is(escapeXml('é€😀'), 'é€😀');
});

const BOM = '\ufeff';
const accepted: readonly (readonly [title: string, document: string, key: string])[] = [
  ['a byte order mark', BOM + documentOf('<Key>k</Key>'), 'k'],
  ['a declaration', `<?xml version="1.0" encoding="UTF-8"?>\n${documentOf('<Key>k</Key>')}`, 'k'],
  [
    'both',
    `${BOM}<?xml version='1.0' encoding='utf-8' standalone="yes"?>${documentOf('<Key>k</Key>')}`,
    'k',
  ],
  ['no namespace', '<Delete><Key>k</Key></Delete>', 'k'],
  ['a prefix', '<s:Delete xmlns:s="x"><s:Key>k</s:Key></s:Delete>', 'k'],
  ['blanks around a document', ` \n${documentOf('<Key>k</Key>')}\n `, 'k'],
  ['blanks in a text', documentOf('<Key>  k \t\n </Key>'), '  k \t\n '],
  ['a text of blanks', documentOf('<Key> </Key>'), ' '],
  ['a number', documentOf('<Key>007</Key>'), '007'],
  ['a word that looks like a value', documentOf('<Key>true</Key>'), 'true'],
  ['an exponent', documentOf('<Key>1e5</Key>'), '1e5'],
  ['an empty element', documentOf('<Key/>'), ''],
  [
    'references',
    documentOf('<Key>&lt;&amp;&gt;&quot;&apos;&#13;&#x0D;&#x1F600;&#0065;</Key>'),
    `<&>"'\r\r😀A`,
  ],
  ['a reference that decodes to one', documentOf('<Key>&amp;lt;&#38;lt;</Key>'), '&lt;&lt;'],
  ['a reference to a control', documentOf('<Key>&#1;</Key>'), '\x01'],
  ['CDATA', documentOf('<Key>a<![CDATA[<b>&amp;]]>c</Key>'), 'a<b>&amp;c'],
  ['CDATA with blanks', documentOf('<Key><![CDATA[ \n ]]></Key>'), ' \n '],
  ['empty CDATA', documentOf('<Key><![CDATA[]]></Key>'), ''],
  ['a comment in a text', documentOf('<Key>a<!-- <b>&x; -->c</Key>'), 'ac'],
  ['a raw carriage return, as XML reads it', documentOf('<Key>a\r\nb\rc</Key>'), 'a\nb\nc'],
  ['attributes', documentOf(`<Key a="1" b='>"'>k</Key >`), 'k'],
  ['a greater-than sign', documentOf('<Key>a>b</Key>'), 'a>b'],
];

for (const [title, document, key] of accepted) {
  test(`${title}: read exactly`, t => {
    t.is(keyOf(document), key);
  });
}

const laughs = Array.from(
  { length: 10 },
  (_, level) => `<!ENTITY l${String(level + 1)} "${`&l${String(level)};`.repeat(10)}">`,
).join('');
const utf16 = Buffer.from(`\ufeff${documentOf('<Key>k</Key>')}`, 'utf16le');

const refused: readonly (readonly [title: string, document: string | Uint8Array])[] = [
  ['nothing', ''],
  ['blanks', ' \n'],
  ['text', 'hello'],
  ['another root', '<Complete><Key>k</Key></Complete>'],
  ['two roots', '<Delete/><Delete/>'],
  ['text behind the root', '<Delete/>x'],
  ['text before the root', 'x<Delete/>'],
  ['CDATA behind the root', '<Delete/><![CDATA[x]]>'],
  ['an open element', '<Delete><Key>k</Key>'],
  ['an open key', '<Delete><Key>k</Delete>'],
  ['crossed elements', '<Delete><Key><A></Key></A></Delete>'],
  ['a closing tag alone', '</Delete>'],
  ['a broken tag', '<Delete><Key k</Delete>'],
  ['a tag without a name', '<Delete>< ></Delete>'],
  ['an attribute without quotes', '<Delete><Key a=1>k</Key></Delete>'],
  ['an attribute with a tag', '<Delete><Key a="<b>">k</Key></Delete>'],
  ['a DOCTYPE', `<!DOCTYPE Delete>${documentOf('')}`],
  ['a DOCTYPE behind a declaration', `<?xml version="1.0"?><!DOCTYPE Delete []>${documentOf('')}`],
  [
    'a billion laughs',
    `<!DOCTYPE Delete [<!ENTITY l0 "ha">${laughs}]>${documentOf('<Key>&l10;</Key>')}`,
  ],
  [
    'an external entity',
    `<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>${documentOf('<Key>&x;</Key>')}`,
  ],
  ['an entity declaration inside', documentOf('<!ENTITY x "y"><Key>k</Key>')],
  ['a processing instruction', documentOf('<?php x?><Key>k</Key>')],
  ['a second declaration', `<?xml version="1.0"?>${documentOf('<?xml version="1.0"?>')}`],
  ['an unknown entity', documentOf('<Key>&nbsp;</Key>')],
  ['an entity of the prototype', documentOf('<Key>&constructor;</Key>')],
  ['a bare ampersand', documentOf('<Key>a & b</Key>')],
  ['an open reference', documentOf('<Key>a&amp</Key>')],
  ['NUL by reference', documentOf('<Key>&#0;</Key>')],
  ['NUL by hexadecimal reference', documentOf('<Key>&#x000;</Key>')],
  ['a surrogate by reference', documentOf('<Key>&#xD800;</Key>')],
  ['a reference beyond Unicode', documentOf('<Key>&#x110000;</Key>')],
  ['a reference of digits and letters', documentOf('<Key>&#12a;</Key>')],
  ['an empty reference', documentOf('<Key>&;</Key>')],
  ['a negative reference', documentOf('<Key>&#-1;</Key>')],
  ['a raw NUL', documentOf('<Key>a\0b</Key>')],
  ['a raw control', documentOf('<Key>a\x01b</Key>')],
  ['another encoding', `<?xml version="1.0" encoding="ISO-8859-1"?>${documentOf('')}`],
  ['UTF-16', utf16],
  ['UTF-16 without a mark', utf16.subarray(2)],
  [
    'invalid UTF-8',
    Buffer.concat([Buffer.from('<Delete>'), Buffer.from([0xff]), Buffer.from('</Delete>')]),
  ],
  ['an encoded surrogate', Buffer.from('3c44656c6574653eeda0803c2f44656c6574653e', 'hex')],
  ['elements named like a prototype', '<Delete><__proto__><x>1</x></__proto__></Delete><Delete/>'],
  ['33 levels', '<Delete>'.repeat(33) + '</Delete>'.repeat(33)],
  ['100,000 levels', '<Delete>'.repeat(100_000) + '</Delete>'.repeat(100_000)],
  ['100,000 open levels', '<a>'.repeat(100_000)],
  ['a million tiny elements', `<Delete>${'<a/>'.repeat(500_000)}</Delete>`],
  ['an endless tag', `<Delete ${' '.repeat(500_000)}`],
  ['an endless attribute', `<Delete a="${'x'.repeat(500_000)}`],
  ['endless attributes', `<Delete ${'a="1" '.repeat(100_000)}`],
  ['an open comment, again and again', `<Delete>${'<!--'.repeat(200_000)}</Delete>`],
  ['ampersands', documentOf(`<Key>${'&'.repeat(500_000)}</Key>`)],
];

for (const [title, document] of refused) {
  test(`${title}: MalformedXML, soon`, t => {
    const bytes = Buffer.from(document);
    const started = process.cpuUsage();
    t.is(keyOf(bytes), 'MalformedXML');
    const { user, system } = process.cpuUsage(started);
    t.true(user + system < 250_000, `${String((user + system) / 1000)} ms of CPU`);
  });
}

test('32 levels are read', t => {
  t.notThrows(() =>
    parseXml(Buffer.from('<Delete>'.repeat(32) + '</Delete>'.repeat(32)), 'Delete'),
  );
});

test('a document at the bound is read, and one byte more is refused', t => {
  const shell = documentOf('<Key></Key>').length;
  const text = 'k'.repeat(XML_BODY_BYTES_MAX - shell);
  t.is(keyOf(documentOf(`<Key>${text}</Key>`)), text);
  t.is(keyOf(documentOf(`<Key>${text}k</Key>`)), 'MalformedXML');
});

test('unknown elements and text between elements are refused', t => {
  const known = new Set(['Key']);
  const read = (document: string): unknown =>
    childrenOf(parseXml(Buffer.from(document), 'Delete'), known);
  t.notThrows(() => read('<Delete>\n  <Key>k</Key>\r\n</Delete>'));
  for (const document of [
    '<Delete><Kex>k</Kex></Delete>',
    '<Delete>x<Key>k</Key></Delete>',
    '<Delete><Key>k</Key><constructor/></Delete>',
  ]) {
    t.throws(() => read(document), { instanceOf: S3Error });
  }
});

test('reading a document leaves no trace on prototypes', t => {
  Object.freeze(Object.prototype);
  t.is(keyOf('<Delete><__proto__><polluted>1</polluted></__proto__></Delete>'), 'MalformedXML');
  t.false('polluted' in {});
});
