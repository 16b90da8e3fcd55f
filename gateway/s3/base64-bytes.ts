/**
 * Bytes of a known length, as headers and documents of S3 carry them: base64 in its one canonical
 * form.
 *
 * Owns:          the check: what is written back must be what was read.
 * Knows:         that Node reads base64 leniently.
 * Must not know: what the bytes are.
 */

/** undefined for anything but the canonical base64 of so many bytes. */
export function base64Bytes(text: string, sizeBytes: number): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === sizeBytes && bytes.toString('base64') === text ? bytes : undefined;
}
