import test from 'ava';
import { ignoreRules } from './project-files.ts';
import { lockFileComplaints, registryHostComplaints, topLevelComplaints } from './tree-rules.ts';

/** Hosts are put together here so that this file does not contain one. */
const host = (...parts: string[]): string => parts.join('.');

test('the host of a package registry is refused wherever it stands', t => {
  for (const name of [
    host('registry', 'npm' + 'js', 'org'),
    host('www', 'npm' + 'js', 'com'),
    host('registry', 'example', 'net'),
    host('REGISTRY', 'yarn' + 'pkg', 'com'),
    host('docker', 'io'),
    host('ghcr', 'io'),
    host('pypi', 'org'),
    host('crates', 'io'),
  ]) {
    const text = `first\nsee https://${name}/some/package\n`;
    t.like(registryHostComplaints({ path: 'README.md', text }), [{ line: 2 }], name);
  }
});

test('words that only look like a registry are accepted', t => {
  const text = 'registry.metrics(); this.registry.get(name); npm ci; docker compose; pypi';
  t.deepEqual(registryHostComplaints({ path: 'README.md', text }), []);
});

test('a lock file that says where a package came from is refused', t => {
  const entry = '    "node_modules/a": {\n      "version": "1.0.0",\n';
  t.deepEqual(lockFileComplaints({ path: 'package-lock.json', text: entry }), []);
  const resolved = `${entry}      "resolved": "https://example.org/a.tgz"\n`;
  t.like(lockFileComplaints({ path: 'package-lock.json', text: resolved }), [{ line: 3 }]);
});

test('an entry at the top that is not in the list is refused', t => {
  t.deepEqual(topLevelComplaints(['bus', 'test'], ['bus', 'deploy', 'test']), []);
  t.like(topLevelComplaints(['bus', 'notes.txt'], ['bus']), [{ path: 'notes.txt' }]);
});

test('what .gitignore names is ignored, and nothing else', t => {
  const isIgnored = ignoreRules('# built\nnode_modules/\ndist/\n\n*.log\n*.tsbuildinfo\n');
  for (const name of ['.git', 'node_modules', 'dist', 'npm.log', '.tsbuildinfo']) {
    t.true(isIgnored(name), name);
  }
  for (const name of ['.gitignore', 'distance', 'log', 'bus']) t.false(isIgnored(name), name);
});

test('a .gitignore pattern that is not understood is refused, not misread', t => {
  t.throws(() => ignoreRules('/dist\n'));
  t.throws(() => ignoreRules('!kept.log\n'));
});
