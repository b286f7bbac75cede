/** Tables of custom kinds, whose columns their definition lists, and of built-in kinds without any. */
import { humanAge } from '../../../api/duration.ts';
import { compileJsonPath, type JsonPath } from '../../../api/jsonpath.ts';
import type { JsonValue } from '../../../api/meta.ts';
import type { PrinterColumn } from '../../../api/schema.ts';
import { type JsonRecord, record, text } from '../json-record.ts';
import {
  ageOf,
  creationColumn,
  nameColumn,
  nameOf,
  type TableDefinition,
} from './table-definition.ts';

/** Name and `additionalPrinterColumns`; without any of them the age. */
export function customTable(columns: readonly PrinterColumn[]): TableDefinition {
  if (columns.length === 0) {
    return {
      columns: [nameColumn, creationColumn('Age')],
      cells: (object, nowMs) => [nameOf(object), ageOf(object, nowMs)],
    };
  }
  const compiled = columns.map((each) => ({ type: each.type, find: compile(each.jsonPath) }));
  return {
    columns: [nameColumn, ...columns.map(definitionOf)],
    cells: (object, nowMs) => [
      nameOf(object),
      ...compiled.map(({ type, find }) => cell(type, find(object)[0], nowMs)),
    ],
  };
}

/** Name and time of creation: built-in kinds that have no columns of their own. */
export const creationTables: TableDefinition = {
  columns: [nameColumn, creationColumn('Created At')],
  cells: (object: JsonRecord) => [
    nameOf(object),
    text(record(object['metadata'])['creationTimestamp']),
  ],
  nullWhenEmpty: true,
};

function definitionOf({ name, type, format, description, priority, jsonPath }: PrinterColumn) {
  const shown = description === undefined || description === '' ? undefined : description;
  return {
    name,
    type,
    format: format ?? '',
    description: shown ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    priority: priority ?? 0,
  };
}

/** A path that cannot be read gives empty cells, as upstream has it. */
function compile(path: string): JsonPath {
  try {
    return compileJsonPath(path);
  } catch {
    return () => [];
  }
}

/** What does not fit the column's type is left empty. */
function cell(type: PrinterColumn['type'], value: JsonValue | undefined, nowMs: number): JsonValue {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : printed(value);
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : bigintOrNull(value);
    case 'number':
      return typeof value === 'number' ? value : bigintOrNull(value);
    case 'date':
      return typeof value === 'string' ? humanAge(value, nowMs) : null;
    default:
      return null;
  }
}

function bigintOrNull(value: JsonValue): JsonValue {
  return typeof value === 'bigint' ? value : null;
}

function printed(value: JsonValue): string {
  if (typeof value === 'bigint') return value.toString();
  return JSON.stringify(value, (_key, inner: JsonValue) =>
    typeof inner === 'bigint' ? Number(inner) : inner,
  );
}
