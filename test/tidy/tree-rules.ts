/**
 * Rules about the project as a whole: what lies at the top, and what no file may name.
 *
 * Owns:          these rules.
 * Knows:         paths and texts.
 * Must not know: syntax.
 *
 * A clone must install from whichever registry its user has configured; a host's name in any file,
 * the lock file first of all, would tie it to one. The names are written here in two halves, so
 * that this file passes its own rule.
 */
import type { ProjectFile } from './project-files.ts';
import type { Complaint } from './source-file.ts';

const REGISTRY_HOSTS: readonly RegExp[] = [
  ['npm', 'js'],
  ['npm', 'mirror'],
  ['yarn', 'pkg'],
  ['jsr', String.raw`\.io\b`],
  ['registry', String.raw`\.[\w-]+\.(?:org|com|io|net|dev)\b`],
  ['docker', String.raw`\.io\b`],
  ['ghcr', String.raw`\.io\b`],
  ['quay', String.raw`\.io\b`],
  ['gcr', String.raw`\.io\b`],
  ['pypi', String.raw`\.org\b`],
  ['python', 'hosted'],
  ['crates', String.raw`\.io\b`],
  ['proxy', String.raw`\.golang\b`],
  ['rubygems', String.raw`\.org\b`],
].map(halves => new RegExp(halves.join(''), 'i'));

/** Files whose text names the host of a package registry. */
export function registryHostComplaints({ path, text }: ProjectFile): readonly Complaint[] {
  return text.split('\n').flatMap((line, index) => {
    const found = REGISTRY_HOSTS.map(host => host.exec(line)?.[0]).find(Boolean);
    if (found === undefined) return [];
    return [{ path, line: index + 1, message: `names a package registry's host: ${found}` }];
  });
}

/** The lock file says which version and which bytes (integrity), never from where. */
export function lockFileComplaints({ path, text }: ProjectFile): readonly Complaint[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      /^\s*"resolved":/.test(line)
        ? [{ path, line: index + 1, message: 'names where a package comes from: drop "resolved"' }]
        : [],
    );
}

/** Whatever lies at the top must be in the list, so that the top stays a table of contents. */
export function topLevelComplaints(
  entries: readonly string[],
  allowed: readonly string[],
): readonly Complaint[] {
  return entries
    .filter(entry => !allowed.includes(entry))
    .map(path => ({ path, line: 0, message: 'does not belong at the top of the project' }));
}
