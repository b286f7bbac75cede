/** What a table of one kind consists of. */
import { humanAge } from '../../../api/duration.ts';
import type { JsonValue } from '../../../api/meta.ts';
import { type JsonRecord, record, text } from '../json-record.ts';

export interface ColumnDefinition {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** 0 is always shown, more only by `-o wide`. */
  readonly priority: number;
}

export interface TableDefinition {
  readonly columns: readonly ColumnDefinition[];
  /** One cell per column. */
  cells(object: JsonRecord, nowMs: number): readonly JsonValue[];
  /** Marks on the row, such as that a pod has ended. */
  conditions?(object: JsonRecord): readonly JsonRecord[] | undefined;
  /** A last column that Kubernetes does not know: there only where some object has a word in it. */
  readonly ours?: { readonly column: ColumnDefinition; cell(object: JsonRecord): string };
  /** Upstream answers `rows: null` for an empty list of these kinds. */
  readonly nullWhenEmpty?: boolean;
}

/** A column of text; `wide` columns are hidden at first. */
export function column(
  name: string,
  description: string,
  wide: 'wide' | '' = '',
): ColumnDefinition {
  return { name, type: 'string', format: '', description, priority: wide === 'wide' ? 1 : 0 };
}

/**
 * The first column of every table. Its description, and that of `ageColumn`, are upstream's word
 * for word, because they are part of the recorded answers that Berth is held against.
 */
export const nameColumn: ColumnDefinition = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description:
    'Name must be unique within a namespace. Is required when creating resources, although some ' +
    'resources may allow a client to request the generation of an appropriate name automatically. ' +
    'Name is primarily intended for creation idempotence and configuration definition. Cannot be ' +
    'updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
  priority: 0,
};

const creationDescription =
  'CreationTimestamp is a timestamp representing the server time when this object was created. ' +
  'It is not guaranteed to be set in happens-before order across separate operations. ' +
  'Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\n' +
  'Populated by the system. Read-only. Null for lists. More info: ' +
  'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata';

/** The age, as text. */
export const ageColumn: ColumnDefinition = column('Age', creationDescription);

/** The time of creation, which is shown as it is (`Created At`) or as an age. */
export function creationColumn(name: string): ColumnDefinition {
  return { ...ageColumn, name, type: 'date' };
}

/** `metadata.name`. */
export function nameOf(object: JsonRecord): string {
  return text(record(object['metadata'])['name']);
}

/** How long ago the object was created. */
export function ageOf(object: JsonRecord, nowMs: number): string {
  return humanAge(text(record(object['metadata'])['creationTimestamp']), nowMs);
}

/** Empty text as `<none>`. */
export function orNone(value: string): string {
  return value === '' ? '<none>' : value;
}
