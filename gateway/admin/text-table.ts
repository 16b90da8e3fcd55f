/**
 * Lines of text in columns, two blanks apart, as Garage's command prints them.
 *
 * Owns:          the alignment.
 * Knows:         nothing.
 * Must not know: what the cells mean.
 *
 * The last cell of a line is never padded, whichever column it is in: scripts split these lines on
 * blanks, and a reader's terminal wraps on them.
 */

export type TableLine = readonly string[];

export function textTable(lines: readonly TableLine[]): string[] {
  const widths: number[] = [];
  for (const line of lines) {
    line.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    });
  }
  return lines.map(line => alignedLine(line, widths));
}

function alignedLine(line: TableLine, widths: readonly number[]): string {
  const last = line.length - 1;
  return line
    .map((cell, column) => {
      const padding = (widths[column] ?? 0) - widthOf(cell) + 2;
      return column === last ? cell : cell + ' '.repeat(padding);
    })
    .join('');
}

/** In characters, not in UTF-16 units. */
function widthOf(cell: string): number {
  return Array.from(cell).length;
}
