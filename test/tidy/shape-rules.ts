/**
 * Rules about the shape of one file: its header, its size, and syntax we do not use.
 *
 * Owns:          these rules and their bounds.
 * Knows:         the syntax tree.
 * Must not know: other files.
 *
 * A message says what to do instead, because it is read by someone who did not know the rule.
 */
import ts from 'typescript';
import { complaintAt, eachNode, folderOf } from './source-file.ts';
import type { Complaint, SourceFile } from './source-file.ts';

const FILE_LINES_MAX = 500;
const COLUMNS_MAX = 100;
const HEADER_PARTS = ['Owns:', 'Knows:', 'Must not know:'];
/** Put together here so that this file does not contain it. */
const LEFTOVER_MARK = ['FIX', 'ME'].join('');
/** Names under which anything can be put away and nothing be found again. */
const EMPTY_NAMES = ['index', 'utils', 'util', 'helpers', 'common', 'types', 'misc'];

/** All rules of this file together. */
export function shapeComplaints(file: SourceFile): readonly Complaint[] {
  return [
    ...headerComplaints(file),
    ...sizeComplaints(file),
    ...nameComplaints(file),
    ...leftoverComplaints(file),
    ...syntaxComplaints(file),
  ];
}

/** Production files open with a block comment that says what they own, know and must not know. */
export function headerComplaints(file: SourceFile): readonly Complaint[] {
  if (folderOf(file.path) === 'test' || folderOf(file.path) === '.ci') return [];
  const header = /^(?:#![^\n]*\n)?\/\*\*([\s\S]*?)\*\//.exec(file.text)?.[1];
  if (header === undefined) {
    return [{ path: file.path, line: 1, message: 'open the file with a /** header block */' }];
  }
  return HEADER_PARTS.filter(part => !header.includes(` * ${part}`)).map(part => ({
    path: file.path,
    line: 1,
    message: `the header block lacks its line "${part}"`,
  }));
}

/** The title of a test is one sentence on one line, however long. */
const TEST_TITLE = /^\s*(test|testWithNeeds)[.\w]*\(|^\s*['"`].*['"`],$/;

export function sizeComplaints(file: SourceFile): readonly Complaint[] {
  const { path, lines } = file;
  const count = file.text.endsWith('\n') ? lines.length - 1 : lines.length;
  const complaints: Complaint[] = [];
  if (count > FILE_LINES_MAX) {
    complaints.push({ path, line: 0, message: `${count} lines: split it at ${FILE_LINES_MAX}` });
  }
  for (const [index, line] of lines.entries()) {
    const columns = Array.from(line).length;
    if (columns <= COLUMNS_MAX || TEST_TITLE.test(line)) continue;
    complaints.push({ path, line: index + 1, message: `${columns} columns, not ${COLUMNS_MAX}` });
  }
  return complaints;
}

export function nameComplaints({ path }: SourceFile): readonly Complaint[] {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const [stem = ''] = name.split('.');
  if (EMPTY_NAMES.includes(stem)) {
    return [{ path, line: 0, message: `"${stem}" says nothing: name the file after its noun` }];
  }
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/.test(name)) {
    return [{ path, line: 0, message: 'name the file in kebab-case' }];
  }
  return [];
}

export function leftoverComplaints({ path, lines }: SourceFile): readonly Complaint[] {
  return lines.flatMap((line, index) =>
    line.includes(LEFTOVER_MARK)
      ? [{ path, line: index + 1, message: `${LEFTOVER_MARK}: do it, or take the mark away` }]
      : [],
  );
}

export function syntaxComplaints(file: SourceFile): readonly Complaint[] {
  const complaints: Complaint[] = [];
  eachNode(file, node => {
    const message = syntaxMessage(node);
    if (message !== undefined) complaints.push(complaintAt(file, node, message));
  });
  // A configuration file's tool asks for a default export.
  return folderOf(file.path) === '.ci'
    ? complaints.filter(complaint => complaint.message !== NO_DEFAULT)
    : complaints;
}

const NO_DEFAULT = 'no default export: a searched name must be the same everywhere';

function syntaxMessage(node: ts.Node): string | undefined {
  if (ts.isExportAssignment(node)) return NO_DEFAULT;
  if (node.kind === ts.SyntaxKind.DefaultKeyword && ts.isStatement(node.parent)) return NO_DEFAULT;
  if (ts.isExportSpecifier(node) && node.name.text === 'default') return NO_DEFAULT;
  if (ts.isExportDeclaration(node) && node.exportClause === undefined) {
    return 'no `export *`: name what the file offers';
  }
  if (node.kind === ts.SyntaxKind.AnyKeyword) return 'no `any`: use `unknown` and a decoder';
  if (ts.isEnumDeclaration(node)) return 'no enum: use an `as const` object and a union';
  if (ts.isModuleDeclaration(node)) return 'no namespace: use a file';
  if (isExclusiveTest(node)) return 'a test marked to run alone hides all others: take it away';
  return undefined;
}

/** `test.only(…)`, `test.serial.only(…)`. */
function isExclusiveTest(node: ts.Node): boolean {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false;
  if (node.expression.name.text !== 'only') return false;
  return /^test\b/.test(node.expression.expression.getText());
}
