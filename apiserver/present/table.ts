/**
 * Objects as `kubectl get` shows them: a `Table` with columns and one row per object.
 * Source: Kubernetes v1.32, apiextensions `tableconvertor` and apiserver `rest/table.go`.
 */
import type { JsonValue } from '../../api/meta.ts';
import type { PrinterColumn } from '../../api/schema.ts';
import { badRequest } from '../../api/status.ts';
import type { Conversion } from './accept.ts';
import type { JsonRecord } from './json-record.ts';
import { type ListMeta, partialObject } from './partial-object.ts';
import { coreTables } from './tables/core-tables.ts';
import { creationTables, customTable } from './tables/custom.ts';
import { type ColumnDefinition, orNone, type TableDefinition } from './tables/table-definition.ts';

/** What the `object` of a row is. */
export type IncludeObject = 'Metadata' | 'Object' | 'None';

/** Of a kind, what decides its columns. */
export interface TableKind {
  readonly group: string;
  /** Plural. */
  readonly resource: string;
  /** Compiled in, not from a CustomResourceDefinition. */
  readonly builtin: boolean;
  readonly columns?: readonly PrinterColumn[] | undefined;
}

export interface TableOptions {
  readonly kind: TableKind;
  readonly objects: readonly JsonRecord[];
  /** Of the list; for a single object its resourceVersion. */
  readonly metadata: ListMeta;
  readonly nowMs: number;
  /** Default `Metadata`. */
  readonly includeObject?: IncludeObject;
  /** Default `v1`. */
  readonly version?: Conversion['version'];
  /** False in every event of a watch but the first: the columns are then `null`. */
  readonly withColumns?: boolean;
}

export interface TableRow {
  readonly cells: readonly JsonValue[];
  readonly conditions?: readonly JsonRecord[];
  readonly object: JsonRecord | null;
}

export interface Table {
  readonly kind: 'Table';
  readonly apiVersion: string;
  readonly metadata: ListMeta;
  readonly columnDefinitions: readonly ColumnDefinition[] | null;
  readonly rows: readonly TableRow[] | null;
}

/** Makes the table; never throws for odd objects, their cells are empty. */
export function makeTable(options: TableOptions): Table {
  const { kind, objects, metadata, nowMs, version = 'v1', withColumns = true } = options;
  const definition = definitionOf(kind);
  const { ours } = definition;
  const more = ours === undefined ? [] : objects.map((object) => ours.cell(object));
  const isMore = more.some((cell) => cell !== '');
  const rows = objects.map((object, i): TableRow => {
    const conditions = definition.conditions?.(object);
    const cells = definition.cells(object, nowMs);
    return {
      cells: isMore ? [...cells, orNone(more[i] ?? '')] : cells,
      ...(conditions === undefined ? {} : { conditions }),
      object: rowObject(object, options.includeObject ?? 'Metadata', version),
    };
  });
  const columns = ours && isMore ? [...definition.columns, ours.column] : definition.columns;
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: withColumns ? columns : null,
    rows: rows.length === 0 && definition.nullWhenEmpty === true ? null : rows,
  };
}

/** Reads the query parameter `includeObject`; throws a `StatusError` BadRequest. */
export function parseIncludeObject(value: string | null | undefined): IncludeObject {
  switch (value ?? '') {
    case '':
    case 'Metadata':
      return 'Metadata';
    case 'Object':
      return 'Object';
    case 'None':
      return 'None';
    default: {
      const must = "must be 'Metadata', 'Object', 'None', or empty";
      const why = `includeObject: Invalid value: ${JSON.stringify(value)}: ${must}`;
      throw badRequest(`Unable to convert to Table as requested: ${why}`);
    }
  }
}

function rowObject(object: JsonRecord, include: IncludeObject, version: Conversion['version']) {
  if (include === 'None') return null;
  return include === 'Object' ? object : partialObject(object, version);
}

/** Columns are compiled once per definition of a kind. */
const compiled = new WeakMap<readonly PrinterColumn[], TableDefinition>();

function definitionOf({ group, resource, builtin, columns = [] }: TableKind): TableDefinition {
  if (builtin) {
    const id = group === '' ? resource : `${resource}.${group}`;
    return coreTables[id] ?? creationTables;
  }
  const known = compiled.get(columns);
  if (known !== undefined) return known;
  const made = customTable(columns);
  compiled.set(columns, made);
  return made;
}
