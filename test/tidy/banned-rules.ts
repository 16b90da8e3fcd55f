/**
 * Names that only one place may use, because they make a run different from its replay.
 *
 * Owns:          how a use of such a name is recognised.
 * Knows:         the syntax tree.
 * Must not know: which names are banned and where: the table is handed in (see tables.ts).
 *
 * `new Date(milliseconds)` is a pure function and allowed; `new Date()` reads the clock and is not.
 */
import ts from 'typescript';
import { complaintAt, eachNode, isIn } from './source-file.ts';
import type { Complaint, SourceFile } from './source-file.ts';

export type BannedName = {
  /** A global or an imported name (`setTimeout`), a member (`Date.now`), or `new Date()`. */
  readonly name: string;
  /** What to use instead; it ends the message. */
  readonly instead: string;
  /** Files, or folders ending in `/`, that may use it. */
  readonly allowedIn: readonly string[];
};

export function bannedComplaints(
  file: SourceFile,
  table: readonly BannedName[],
): readonly Complaint[] {
  const byName = new Map(table.map(entry => [entry.name, entry]));
  const complaints: Complaint[] = [];
  eachNode(file, node => {
    for (const name of namesUsedBy(node)) {
      const banned = byName.get(name);
      if (banned === undefined || isIn(file.path, banned.allowedIn)) continue;
      complaints.push(complaintAt(file, node, `${name} is not used here: ${banned.instead}`));
    }
  });
  return complaints;
}

/** `globalThis.setTimeout` and `crypto.randomBytes` are the bare name by another way. */
const NAMESPACES = ['globalThis', 'crypto', 'nodeCrypto'];

function namesUsedBy(node: ts.Node): readonly string[] {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const [owner, member] = [node.expression.text, node.name.text];
    return NAMESPACES.includes(owner) ? [member] : [`${owner}.${member}`];
  }
  if (ts.isNewExpression(node) || ts.isCallExpression(node)) {
    const isClockRead = node.expression.getText() === 'Date' && !hasArguments(node);
    return isClockRead || isPlainDateCall(node) ? ['new Date()'] : [];
  }
  if (ts.isIdentifier(node) && isUse(node)) return [node.text];
  return [];
}

/** `Date(…)` without `new` ignores its arguments and reads the clock. */
function isPlainDateCall(node: ts.Node): boolean {
  return ts.isCallExpression(node) && node.expression.getText() === 'Date';
}

function hasArguments(node: ts.NewExpression | ts.CallExpression): boolean {
  return node.arguments !== undefined && node.arguments.length > 0;
}

/** Not the name a declaration or an object's property introduces, nor a member of some object. */
function isUse(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isImportSpecifier(parent)) return (parent.propertyName ?? parent.name) === node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node || !parent.propertyName;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  const named = parent as ts.Node & { readonly name?: ts.Node };
  return named.name !== node;
}
