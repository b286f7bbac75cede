/** Tables of managedFields: their order, their cap, who is who, and kubectl's way over from client-side apply. */
import type { JsonObject } from '../../api/meta.ts';
import { conflictError } from '../../apiserver/apply/conflicts.ts';
import { fromFieldsV1, toFieldsV1 } from '../../apiserver/apply/field-set.ts';
import {
  capUpdaters,
  decodeManaged,
  encodeManaged,
  managerKey,
  sortEntries,
} from '../../apiserver/apply/managed-fields.ts';
import { parseYaml } from '../../apiserver/wire/yaml.ts';
import type { Json } from './json-path.ts';
import { byTest, failed, is, leftOut, passed, type Tables, type Verdict } from './verdict.ts';

const internal = 'apimachinery__pkg__util__managedfields__internal';
const step = 'one entry of a longer story';

export const managerTables: Tables = {
  [`${internal}__managedfields`]: byTest({
    TestBuildManagerIdentifier: identifier,
    TestSortEncodedManagedFields: ({ managedFields, expected, name }) =>
      is(sortEntries(managedFields ?? []), expected ?? [], name),
  }),
  [`${internal}__capmanagers`]: byTest({
    TestCapUpdateManagers: cap,
    TestCapManagersManagerMergesEntries: () => leftOut(step),
  }),
  [`${internal}__fields`]: byTest({
    TestFieldsRoundTrip: (fields) => is(toFieldsV1(fromFieldsV1(fields)), fields, 'round trip'),
    TestFieldsToSetError: ({ fields }) => {
      try {
        fromFieldsV1(fields);
        return failed('fields', 'taken');
      } catch {
        return passed;
      }
    },
    TestSetToFieldsError: () => leftOut('a set that cannot be built here'),
  }),
  [`${internal}__conflict`]: byTest({ TestNewConflictError: conflict }),
};

function identifier({ expected, managedFieldsEntry }: Json): Verdict {
  const entry = parseYaml(managedFieldsEntry).value as Json;
  return is(JSON.parse(managerKey({ manager: '', ...entry })), JSON.parse(expected), expected);
}

function cap({ name, input, expected }: Json): Verdict {
  if (input === undefined) return leftOut(step);
  const managed = decodeManaged(input);
  capUpdaters(managed, 3);
  return is(encodeManaged(managed), sortEntries(expected as JsonObject[]), name);
}

/** The row has both the conflicts, as text with keys of managers, and what is told of them. */
function conflict({ conflict: given, expected }: Json): Verdict {
  const lines = String(given.$error).split('\n');
  const quoted = (text: string) =>
    JSON.parse(text.slice(text.indexOf('"'), text.lastIndexOf('"') + 1));
  const conflicts: { manager: string; path: string[] }[] = [];
  let manager = '';
  for (const line of lines) {
    if (line.includes('"{')) manager = withoutTime(quoted(line));
    const path = line.startsWith('- ') ? line.slice(2) : line.split('": ')[1];
    if (path !== undefined) conflicts.push({ manager, path: elements(path) });
  }
  // Times are not part of what a manager is here.
  const told = String(expected.$error).replace(/ at \d{4}-\d\d-\d\dT[\d:]+Z/g, '');
  return is(conflictError(conflicts).message, told, told);
}

function withoutTime(key: string): string {
  const { time: _, ...rest } = JSON.parse(key);
  return JSON.stringify(rest);
}

function elements(path: string): string[] {
  return path
    .split('.')
    .slice(1)
    .map((name) => `f:${name}`);
}
