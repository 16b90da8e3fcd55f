/**
 * `npm run readme`: writes the compatibility table into README.
 *
 * Owns:          the file.
 * Knows:         the table.
 * Must not know: cases.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { withCompatibility } from './readme-table.ts';

const path = fileURLToPath(new URL('../../../README.md', import.meta.url));

await writeFile(path, withCompatibility(await readFile(path, 'utf8')));
