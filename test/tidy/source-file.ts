/**
 * One source file as the tidy rules see it: text, lines and syntax tree.
 *
 * Owns:          parsing, and the few questions every rule asks of a tree.
 * Knows:         the TypeScript parser.
 * Must not know: any rule.
 *
 * Rules work on the tree wherever a word in a comment or a string must not count. No types are
 * resolved: a file is judged by itself, which keeps the whole check under a few seconds.
 */
import ts from 'typescript';

export type SourceFile = {
  /** Relative to the project, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly syntax: ts.SourceFile;
};

/** What a rule found. `line` counts from 1; 0 when the file as a whole is meant. */
export type Complaint = { readonly path: string; readonly line: number; readonly message: string };

export type Import = {
  readonly specifier: string;
  readonly node: ts.Node;
};

export function parseSource(path: string, text: string): SourceFile {
  const kind = path.endsWith('.ts') ? ts.ScriptKind.TS : ts.ScriptKind.JS;
  const syntax = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true, kind);
  return { path, text, lines: text.split('\n'), syntax };
}

/** Everything a file imports or re-exports, by whichever syntax, with types. */
export function importsOf(file: SourceFile): readonly Import[] {
  const imports: Import[] = [];
  eachNode(file, node => {
    const literal = moduleNamed(node);
    if (literal !== undefined) imports.push({ specifier: literal.text, node });
  });
  return imports;
}

function moduleNamed(node: ts.Node): ts.StringLiteralLike | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    return literalOrNothing(node.moduleSpecifier);
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return literalOrNothing(node.argument.literal);
  }
  if (ts.isExternalModuleReference(node)) return literalOrNothing(node.expression);
  if (ts.isCallExpression(node) && isModuleCall(node)) return literalOrNothing(node.arguments[0]);
  return undefined;
}

/** `import('x')`, `require('x')`, `require.resolve('x')`, and what `createRequire` made. */
function isModuleCall(call: ts.CallExpression): boolean {
  const callee = call.expression;
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true;
  if (ts.isIdentifier(callee)) return callee.text === 'require';
  return ts.isPropertyAccessExpression(callee) && callee.expression.getText() === 'require';
}

function literalOrNothing(node: ts.Node | undefined): ts.StringLiteralLike | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node : undefined;
}

/** Visits every node, parents before children. */
export function eachNode(file: SourceFile, visit: (node: ts.Node) => void): void {
  const walk = (node: ts.Node): void => {
    visit(node);
    ts.forEachChild(node, walk);
  };
  walk(file.syntax);
}

export function complaintAt(file: SourceFile, node: ts.Node, message: string): Complaint {
  const { line } = file.syntax.getLineAndCharacterOfPosition(node.getStart(file.syntax));
  return { path: file.path, line: line + 1, message };
}

/** The first part of a path: the top-level folder. */
export function folderOf(path: string): string {
  const slash = path.indexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** Whether `path` is one of `places`; a place that ends in `/` is a folder with all below it. */
export function isIn(path: string, places: readonly string[]): boolean {
  return places.some(place => (place.endsWith('/') ? path.startsWith(place) : path === place));
}
