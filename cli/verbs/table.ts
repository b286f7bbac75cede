/** Prints the Tables that the server makes, the way kubectl does. Pure. */

export const tableAccept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

export interface Table {
  readonly kind: 'Table';
  readonly columnDefinitions?: readonly { readonly name: string; readonly priority?: number }[];
  readonly rows?: readonly TableRow[];
}

interface TableRow {
  readonly cells: readonly unknown[];
  readonly object?: { readonly metadata?: { readonly name?: string; readonly namespace?: string } };
}

export interface TableStyle {
  readonly wide: boolean;
  readonly namespaces: boolean;
  /** Stands before each name: `pod/`. */
  readonly prefix?: string;
  readonly headers?: boolean;
  /** Column widths, kept from one part of a watch to the next. */
  readonly widths?: number[];
}

export function isTable(value: unknown): value is Table {
  return (value as { readonly kind?: unknown } | null)?.kind === 'Table';
}

/** Lines without padding at their ends; the header first. */
export function formatTable(table: Table, style: TableStyle): readonly string[] {
  const { columnDefinitions = [], rows = [] } = table;
  const shown = columnDefinitions
    .map((column, index) => ({ ...column, index }))
    .filter(({ priority = 0 }) => priority === 0 || style.wide);
  const header = [
    ...(style.namespaces ? ['NAMESPACE'] : []),
    ...shown.map(({ name }) => name.toUpperCase()),
  ];
  const body = rows.map(({ cells, object }) => [
    ...(style.namespaces ? [object?.metadata?.namespace ?? ''] : []),
    ...shown.map(({ index, name }) => {
      const text = cellText(cells[index]);
      return name.toUpperCase() === 'NAME' ? `${style.prefix ?? ''}${text}` : text;
    }),
  ]);
  return align(style.headers === false ? body : [header, ...body], style.widths);
}

/** Columns as wide as their widest cell, three spaces between them; `widths` only grows. */
export function align(
  rows: readonly (readonly string[])[],
  widths: number[] = [],
): readonly string[] {
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('   ')
      .trimEnd(),
  );
}

function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return '';
  const text = typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
  // A cell is one line, and never speaks to the terminal.
  return text.replace(/\p{Cc}+/gu, ' ');
}
