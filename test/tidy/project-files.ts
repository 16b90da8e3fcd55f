/**
 * The files of this project, read for the tidy rules.
 *
 * Owns:          what counts as a file of the project.
 * Knows:         the file system, .gitignore in the simple form we write it.
 * Must not know: any rule.
 *
 * The tree is walked rather than asked from git, so that an exported copy is checked alike; what
 * .gitignore names is not the project.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export type ProjectFile = { readonly path: string; readonly text: string };

/** Every text file below `root` that is not ignored, with its path relative to it. */
export function readProjectFiles(root: string): readonly ProjectFile[] {
  const isIgnored = ignoreRules(readFileSync(join(root, '.gitignore'), 'utf8'));
  return pathsBelow({ root, folder: '', isIgnored })
    .map(path => ({ path, text: readFileSync(join(root, path), 'utf8') }))
    .filter(file => !file.text.includes('\0'));
}

/** The entries at the top of `root` that are not ignored. */
export function topLevelEntries(root: string): readonly string[] {
  const isIgnored = ignoreRules(readFileSync(join(root, '.gitignore'), 'utf8'));
  return readdirSync(root).filter(name => !isIgnored(name));
}

/**
 * Decides by an entry's name. Understands what our .gitignore uses: `name`, `name/` and `*.ending`,
 * at any depth; refuses other patterns rather than misread them.
 */
export function ignoreRules(gitignore: string): (name: string) => boolean {
  const names = new Set(['.git']);
  const endings: string[] = [];
  for (const line of gitignore.split('\n').map(text => text.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    if (/^\*\.[\w.]+$/.test(line)) endings.push(line.slice(1));
    else if (/^[\w.-]+\/?$/.test(line)) names.add(line.replace(/\/$/, ''));
    else throw new Error(`.gitignore has a pattern these rules do not understand: ${line}`);
  }
  return name => names.has(name) || endings.some(ending => name.endsWith(ending));
}

type Walk = {
  readonly root: string;
  readonly folder: string;
  readonly isIgnored: (name: string) => boolean;
};

function pathsBelow({ root, folder, isIgnored }: Walk): readonly string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  return entries.flatMap(entry => {
    if (isIgnored(entry.name)) return [];
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return pathsBelow({ root, folder: path, isIgnored });
    return entry.isFile() ? [path] : [];
  });
}
