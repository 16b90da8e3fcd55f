import test from 'ava';
import { domainSuffix, hostName, labelBefore } from '../../../gateway/http/host-name.ts';
import { decodePercent } from '../../../gateway/http/percent-decoding.ts';

for (const [host, name] of [
  ['Example.ORG', 'example.org'],
  ['example.org:8080', 'example.org'],
  ['example.org.', 'example.org'],
  ['example.org.:80', 'example.org'],
  ['[::1]:3902', '[::1]'],
  ['[::1]', '[::1]'],
  ['', ''],
  ['example.org:80:80', undefined],
  ['example.org:http', undefined],
  ['[::1]x', undefined],
] as const) {
  test(`the host ${JSON.stringify(host)} is ${String(name)}`, t => {
    t.is(hostName(host), name);
  });
}

test('a domain is written with or without dots around it', t => {
  for (const domain of ['web.example', '.web.example', '..WEB.example.']) {
    t.is(domainSuffix(domain), '.web.example');
  }
  t.is(domainSuffix(''), undefined);
  t.is(domainSuffix('.'), undefined);
});

test('only what stands before the whole domain is a label', t => {
  t.is(labelBefore('a.b.web.example', '.web.example'), 'a.b');
  t.is(labelBefore('.web.example', '.web.example'), '');
  t.is(labelBefore('web.example', '.web.example'), undefined);
  t.is(labelBefore('aweb.example', '.web.example'), undefined);
});

for (const [text, decoded] of [
  ['a/b+c', 'a/b+c'],
  ['%41%2f%C3%A4', 'A/ä'],
  ['%', undefined],
  ['%zz', undefined],
  ['%ff', undefined],
  ['%c0%af', undefined],
  ['%ed%a0%80', undefined],
] as const) {
  test(`${text} decodes to ${String(decoded)}`, t => {
    t.is(decodePercent(text), decoded);
  });
}
