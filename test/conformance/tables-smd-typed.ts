/** Tables of structured-merge-diff about single values: fit, paths, difference, merging, removing. */
import {
  equalSets,
  type FieldSet,
  fromFieldsV1,
  toFieldsV1,
} from '../../apiserver/apply/field-set.ts';
import { merge } from '../../apiserver/apply/merge.ts';
import { removeItems } from '../../apiserver/apply/remove.ts';
import { followSchema } from '../../apiserver/apply/schema-change.ts';
import type { Shape } from '../../apiserver/apply/shape.ts';
import { compare, toFieldSet, validate } from '../../apiserver/apply/typed.ts';
import { equal } from '../../apiserver/apply/values.ts';
import { parseYaml } from '../../apiserver/wire/yaml.ts';
import type { Json } from './json-path.ts';
import { smdShapes } from './smd-shape.ts';
import {
  failed,
  guarded,
  leftOut,
  passed,
  show,
  succeeds,
  type Table,
  type Tables,
  type Verdict,
} from './verdict.ts';

const extraction = 'only clients take out what they own; the server has no such function';

export const smdTypedTables: Tables = {
  typed_validate: validation,
  typed_symdiff: each('quints', difference),
  typed_toset: each('pairs', (shape, { object, set }) =>
    sets(toFieldSet(shape, read(object)), set, object),
  ),
  typed_merge: each('triplets', (shape, { lhs, rhs, out }) =>
    values(merge(shape, read(lhs), read(rhs)) ?? null, read(out), `${lhs} + ${rhs}`),
  ),
  typed_remove: each('quadruplets', (shape, row) => [removal(shape, row), leftOut(extraction)]),
  typed_reconcile_schema: schemaChange,
  typed_extract_with_keys: each('triplets', () => leftOut(extraction)),
  typed_reversible_extract: each('pairs', () => leftOut(extraction)),
};

type Statement = (shape: Shape, row: Json) => Verdict | readonly Verdict[];

/** A table that holds rows under `field`, all of one type of one schema. */
function each(field: string, statement: Statement): Table {
  return (table: Json) => {
    const shape = smdShapes(table.schema)(table.rootTypeName);
    return table[field].flatMap((row: Json) => guarded(row, () => statement(shape, row)));
  };
}

function validation(table: Json): readonly Verdict[] {
  const shape = smdShapes(table.schema)(table.rootTypeName);
  const fits = (object: string, duplicates: boolean) =>
    succeeds(() => validate(shape, read(object), { duplicates }));
  const expect = (object: string, holds: boolean, why: string) =>
    holds ? passed : failed(object, why);
  return [
    ...table.validObjects.map((object: string) => expect(object, fits(object, false), 'refused')),
    ...table.invalidObjects.map((object: string) => expect(object, !fits(object, true), 'taken')),
    ...table.duplicatesObjects.map((object: string) =>
      expect(object, fits(object, true) && !fits(object, false), 'duplicates not told'),
    ),
  ];
}

function difference(shape: Shape, row: Json): Verdict {
  const got = compare(shape, read(row.lhs), read(row.rhs));
  const what = `${row.lhs} → ${row.rhs}`;
  const verdicts = (['added', 'modified', 'removed'] as const).map((part) =>
    sets(got[part], row[part], `${part} ${what}`),
  );
  return verdicts.find(({ type }) => type === 'failed') ?? passed;
}

function removal(shape: Shape, { object, set, removeOutput }: Json): Verdict {
  if (removeOutput === 'unparseable')
    return leftOut('the table only says that nobody reads it back');
  const got = removeItems(shape, read(object), fromFieldsV1(set.fieldsV1));
  return values(got, read(removeOutput), `${object} - ${show(set)}`);
}

function schemaChange(row: Json): readonly Verdict[] {
  const shape = smdShapes(row.newSchema)(row.rootTypeName);
  const got = followSchema(shape, fromFieldsV1(row.oldFields.fieldsV1));
  return [sets(got, row.fixedFields ?? row.oldFields, row.name)];
}

/** Some rows have a brace too many, which Go's reader never comes to. */
function read(text: string): Json {
  const braces = (brace: string) => text.split(brace).length;
  const complete = braces('}') > braces('{') ? text.replace(/\}$/, '') : text;
  return parseYaml(complete).value ?? null;
}

function sets(got: FieldSet, { fieldsV1 }: Json, what: string): Verdict {
  if (equalSets(got, fromFieldsV1(fieldsV1))) return passed;
  return failed(what, `${show(toFieldsV1(got))}, not ${show(fieldsV1)}`);
}

function values(got: Json, want: Json, what: string): Verdict {
  return equal(got, want) ? passed : failed(what, `${show(got)}, not ${show(want)}`);
}
