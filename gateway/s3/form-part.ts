/**
 * The small texts of multipart/form-data: a part's head, and the type of the whole.
 *
 * Owns:          reading them.
 * Knows:         RFC 7578, RFC 2046; how browsers write file names.
 * Must not know: how a form arrives.
 */
import { isUtf8 } from 'node:buffer';

export type PartHead = {
  /** Lower-case: names of fields have no case. */
  readonly name: string;
  /** Without folders; empty when there is none. */
  readonly fileName: string;
};

const BOUNDARY = /;[ \t]*boundary=(?:"([^"\r\n]{1,200})"|([^;"\s]{1,200}))/i;
const PARAMETER = /;[ \t]*([a-z*]+)=(?:"([^"]*)"|([^;"\s]*))/gi;

/** Undefined: it is no form, or has no boundary. */
export function boundaryOf(contentType: string): { readonly boundary?: string } | undefined {
  if (!/^multipart\/form-data(?:[ \t]*;|$)/i.test(contentType)) return undefined;
  const [, quoted, plain] = BOUNDARY.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  return boundary === undefined ? {} : { boundary };
}

/** Header lines, the first of them empty. Undefined: it names no field. */
export function readPartHead(bytes: Buffer): PartHead | undefined {
  if (!isUtf8(bytes)) return undefined;
  const [padding = '', ...lines] = bytes.toString().split('\r\n');
  if (padding.trim() !== '') return undefined;
  const line = lines.find(text => /^content-disposition[ \t]*:[ \t]*form-data/i.test(text));
  if (line === undefined) return undefined;
  const parameters = new Map<string, string>();
  for (const [, name = '', quoted, plain] of line.matchAll(PARAMETER)) {
    parameters.set(name.toLowerCase(), quoted ?? plain ?? '');
  }
  const name = parameters.get('name');
  if (name === undefined || name === '') return undefined;
  return { name: name.toLowerCase(), fileName: withoutFolders(parameters.get('filename') ?? '') };
}

/** Some browsers tell the whole path: only what follows the last slash of either kind counts. */
function withoutFolders(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}
