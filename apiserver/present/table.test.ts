import { describe, expect, it } from 'vitest';
import type { PrinterColumn } from '../../api/schema.ts';
import type { JsonRecord } from './json-record.ts';
import { partialObjectList } from './partial-object.ts';
import { makeTable, parseIncludeObject, type TableKind } from './table.ts';

const nowMs = Date.UTC(2026, 0, 2);
const columns: PrinterColumn[] = [
  { name: 'Size', type: 'integer', jsonPath: '.spec.size', description: 'how big' },
  { name: 'On', type: 'boolean', jsonPath: '.spec.on', priority: 1 },
  { name: 'Tags', type: 'string', jsonPath: '.spec.tags' },
  { name: 'Ready', type: 'string', jsonPath: `.status.conditions[?(@.type=='Ready')].status` },
  { name: 'Since', type: 'date', jsonPath: '.spec.since' },
  { name: 'Replicas', type: 'number', format: 'int32', jsonPath: '.spec.replicas' },
];
const widgets: TableKind = { group: 'example.com', resource: 'widgets', builtin: false, columns };

const full: JsonRecord = {
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { size: 3.9, on: true, tags: ['x', 'y'], since: '2026-01-01T23:59:30Z', replicas: 2.5 },
  status: {
    conditions: [
      { type: 'Synced', status: 'False' },
      { type: 'Ready', status: 'True' },
    ],
  },
};
const bare: JsonRecord = { metadata: { name: 'b' } };

function cellsOf(kind: TableKind, ...objects: JsonRecord[]) {
  return makeTable({ kind, objects, metadata: {}, nowMs }).rows?.map((row) => row.cells);
}

describe('tables of custom kinds', () => {
  it('follow the columns of the definition', () => {
    expect(cellsOf(widgets, full, bare)).toEqual([
      ['a', 3, true, '["x","y"]', 'True', '30s', 2.5],
      ['b', null, null, null, null, null, null],
    ]);
  });

  it('leave empty what is of another type', () => {
    const wrong: JsonRecord = {
      metadata: { name: 'c' },
      spec: { size: 'big', on: 'yes', tags: 0, since: 'soon', replicas: true },
    };
    expect(cellsOf(widgets, wrong)).toEqual([['c', null, null, '0', null, '<invalid>', null]]);
  });

  it('describe the columns', () => {
    const { columnDefinitions } = makeTable({ kind: widgets, objects: [], metadata: {}, nowMs });
    expect(columnDefinitions?.slice(1, 3)).toEqual([
      { name: 'Size', type: 'integer', format: '', description: 'how big', priority: 0 },
      {
        name: 'On',
        type: 'boolean',
        format: '',
        description: 'Custom resource definition column (in JSONPath format): .spec.on',
        priority: 1,
      },
    ]);
  });

  it('show the age when there are no columns', () => {
    const kind = { group: 'example.com', resource: 'things', builtin: false };
    const table = makeTable({ kind, objects: [full, bare], metadata: {}, nowMs });
    expect(table.columnDefinitions?.map((c) => [c.name, c.type])).toEqual([
      ['Name', 'string'],
      ['Age', 'date'],
    ]);
    expect(table.rows?.map((row) => row.cells)).toEqual([
      ['a', '24h'],
      ['b', '<unknown>'],
    ]);
  });

  it('survive a column whose path is wrong', () => {
    const kind = { ...widgets, columns: [{ name: 'X', type: 'string' as const, jsonPath: '.a[' }] };
    expect(cellsOf(kind, full)).toEqual([['a', null]]);
  });
});

describe('the frame of a table', () => {
  it('carries the list metadata and the objects as asked', () => {
    const metadata = { resourceVersion: '7', continue: 'c', remainingItemCount: 1 };
    const options = { kind: widgets, objects: [full], metadata, nowMs };
    const table = makeTable(options);
    expect(table).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata });
    expect(table.rows?.[0]?.object).toEqual({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: full['metadata'],
    });
    expect(makeTable({ ...options, includeObject: 'None' }).rows?.[0]?.object).toBeNull();
    expect(makeTable({ ...options, includeObject: 'Object' }).rows?.[0]?.object).toBe(full);
  });

  it('names the columns only once in a watch', () => {
    const table = makeTable({
      kind: widgets,
      objects: [],
      metadata: {},
      nowMs,
      withColumns: false,
    });
    expect(table.columnDefinitions).toBeNull();
    expect(table.rows).toEqual([]);
  });

  it('speaks v1beta1 when asked', () => {
    const table = makeTable({
      kind: widgets,
      objects: [bare],
      metadata: {},
      nowMs,
      version: 'v1beta1',
    });
    expect(table.apiVersion).toBe('meta.k8s.io/v1beta1');
    expect(table.rows?.[0]?.object?.['apiVersion']).toBe('meta.k8s.io/v1beta1');
  });

  it('reads includeObject', () => {
    expect(parseIncludeObject(null)).toBe('Metadata');
    expect(parseIncludeObject('Object')).toBe('Object');
    expect(() => parseIncludeObject('Some')).toThrow(
      `Unable to convert to Table as requested: includeObject: Invalid value: "Some": must be 'Metadata', 'Object', 'None', or empty`,
    );
  });
});

describe('built-in kinds without a table', () => {
  const roles = { group: 'rbac.authorization.k8s.io', resource: 'roles', builtin: true };
  it('show when they were created', () => {
    const table = makeTable({ kind: roles, objects: [full], metadata: {}, nowMs });
    expect(table.columnDefinitions?.map((c) => [c.name, c.type])).toEqual([
      ['Name', 'string'],
      ['Created At', 'date'],
    ]);
    expect(table.rows?.[0]?.cells).toEqual(['a', '2026-01-01T00:00:00Z']);
  });

  it('answer null for an empty list, as upstream', () => {
    expect(makeTable({ kind: roles, objects: [], metadata: {}, nowMs }).rows).toBeNull();
  });
});

describe('partialObjectList', () => {
  it('keeps metadata only', () => {
    expect(partialObjectList([bare], { resourceVersion: '3' })).toEqual({
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: '3' },
      items: [
        { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'b' } },
      ],
    });
  });
});
