/**
 * Rules about who imports whom: folders, outside packages, Node's modules, and files nobody wants.
 *
 * Owns:          how the rules are applied.
 * Knows:         import specifiers.
 * Must not know: the project's own table, which is handed in (see tables.ts).
 *
 * A string such as './worker.ts' in `new URL('./worker.ts', import.meta.url)` loads a file as
 * surely as an import does, so it counts as a use when files nobody wants are looked for.
 */
import { posix } from 'node:path';
import ts from 'typescript';
import { complaintAt, eachNode, folderOf, importsOf, isIn } from './source-file.ts';
import type { Complaint, SourceFile } from './source-file.ts';

/** Folder → the other folders it may import. A longer path beats a shorter one. */
export type Arrows = Readonly<Record<string, readonly string[]>>;
/** Package or module → the files (or folders, ending in `/`) that may import it. */
export type Importers = Readonly<Record<string, readonly string[]>>;

/** Every import of ours must follow an arrow, and end in the name of the file it means. */
export function arrowComplaints(file: SourceFile, arrows: Arrows): readonly Complaint[] {
  const from = areaOf(file.path, arrows);
  if (from === undefined) return [];
  return importsOf(file).flatMap(({ specifier, node }) => {
    if (!specifier.startsWith('.')) return [];
    const target = resolved(file.path, specifier);
    const to = areaOf(target, arrows);
    if (to !== undefined && (to === from || arrows[from]?.includes(to))) return [];
    const allowed = arrows[from]?.join(', ') ?? '';
    const may = `${from} may import ${allowed === '' ? 'nothing of ours' : allowed}`;
    return [complaintAt(file, node, `${may}, not ${target}`)];
  });
}

/** Outside packages and Node's modules may be imported only where the table says. */
export function importerComplaints(file: SourceFile, importers: Importers): readonly Complaint[] {
  return importsOf(file).flatMap(({ specifier, node }) => {
    if (specifier.startsWith('.')) return [];
    const name = packageOf(specifier);
    const allowed = importers[name];
    if (allowed === undefined) {
      return [complaintAt(file, node, `${name} is in no table: decide who imports it, and say so`)];
    }
    if (isIn(file.path, allowed)) return [];
    return [complaintAt(file, node, `${name} is imported only by ${allowed.join(', ')}`)];
  });
}

/**
 * Rows of the table that are no longer true: a file that is gone or does not import the package any
 * more, and a package that nobody imports at all.
 */
export function staleImporterComplaints(
  files: readonly SourceFile[],
  importers: Importers,
): readonly Complaint[] {
  const usersOf = new Map<string, string[]>();
  for (const file of files) {
    for (const { specifier } of importsOf(file)) {
      const name = packageOf(specifier);
      usersOf.set(name, [...(usersOf.get(name) ?? []), file.path]);
    }
  }
  return Object.entries(importers).flatMap(([name, places]) => {
    const users = usersOf.get(name) ?? [];
    const stale = places.filter(place => !place.endsWith('/') && !users.includes(place));
    if (users.length === 0) stale.push('anybody');
    return stale.map(place => ({
      path: 'test/tidy/tables.ts',
      line: 0,
      message: `says that ${place} imports ${name}, which is not so`,
    }));
  });
}

/** Packages of package.json that no file imports, apart from `tools`, which are run instead. */
export function unusedPackageComplaints(setup: {
  readonly files: readonly SourceFile[];
  readonly packages: readonly string[];
  readonly tools: readonly string[];
}): readonly Complaint[] {
  const specifiers = setup.files.flatMap(file => importsOf(file).map(one => one.specifier));
  const imported = new Set([...specifiers.map(packageOf), ...setup.tools]);
  return setup.packages
    .filter(name => !imported.has(name))
    .map(name => ({ path: 'package.json', line: 0, message: `nobody imports ${name}` }));
}

/**
 * Production files that no other production file uses, and files of test/ that nobody uses at all:
 * code that only its own test runs is not part of the program.
 */
export function unusedFileComplaints(
  files: readonly SourceFile[],
  entryPoints: readonly string[],
): readonly Complaint[] {
  const usersOf = new Map<string, string[]>();
  for (const file of files) {
    for (const used of filesUsedBy(file)) {
      if (used !== file.path) usersOf.set(used, [...(usersOf.get(used) ?? []), file.path]);
    }
  }
  return files.flatMap(({ path }) => {
    if (isIn(path, entryPoints) || path.endsWith('.test.ts')) return [];
    const users = usersOf.get(path) ?? [];
    if (users.length === 0) return [{ path, line: 0, message: 'no file imports this one' }];
    if (folderOf(path) === 'test' || users.some(user => folderOf(user) !== 'test')) return [];
    return [{ path, line: 0, message: 'only tests import this file: wire it in or delete it' }];
  });
}

function filesUsedBy(file: SourceFile): ReadonlySet<string> {
  const used = new Set<string>();
  eachNode(file, node => {
    if (!ts.isStringLiteralLike(node) || !/^\.\.?\/.*\.(ts|js|mjs)$/.test(node.text)) return;
    used.add(resolved(file.path, node.text));
    used.add(resolved(file.path, node.text.replace(/\.js$/, '.ts')));
  });
  return used;
}

/** The longest path in the table that holds `path`. */
function areaOf(path: string, arrows: Arrows): string | undefined {
  const areas = Object.keys(arrows).filter(area => path.startsWith(`${area}/`));
  return areas.sort((one, other) => other.length - one.length)[0];
}

function resolved(from: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(from), specifier));
}

/** `@scope/name/deep` is of `@scope/name`, `node:fs/promises` of `node:fs`. */
function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}
