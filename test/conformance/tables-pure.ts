/** Tables of the small pure functions: requests, patches, pruning, validation. */
import { applyMergePatch } from '../../apiserver/patch/index.ts';
import { applyOperations, readOperations } from '../../apiserver/patch/json-patch.ts';
import type { Json } from './json-path.ts';
import { byTest, is, passed, show, succeeds, type Tables, type Verdict } from './verdict.ts';

export const pureTables: Tables = {
  apimachinery__pkg__util__jsonmergepatch__patch: byTest({
    TestCreateThreeWayJSONMergePatch: mergePatch,
  }),
  tests: jsonPatch,
  spec_tests: jsonPatch,
};

function mergePatch({ Description: what, JSONMergePatchTestCaseData: data }: Json): Verdict {
  const { Current: current, ThreeWay: patch, Result: result } = data ?? {};
  if (current === undefined || patch === undefined || result === undefined)
    return { type: 'left out', why: 'no patch in the row' };
  return is(applyMergePatch(current, patch), result, what);
}

function jsonPatch(row: Json): readonly Verdict[] {
  const { comment = '', doc, patch, expected, error, disabled } = row;
  if (disabled === true) return [{ type: 'left out', why: 'disabled in the suite itself' }];
  if (/\/-1(\/|$)/.test(show(patch?.[0]?.path ?? '').slice(1, -1)))
    return [{ type: 'left out', why: 'negative indexes count from the end, as upstream' }];
  if (patch === undefined || doc === undefined)
    return [{ type: 'left out', why: 'no patch in the row' }];
  const run = () => applyOperations(structuredClone(doc), readOperations(patch));
  if (error !== undefined) return [is(succeeds(run), false, `${comment} ${error}`)];
  try {
    const got = run();
    return [expected === undefined ? passed : is(got, expected, comment)];
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return [{ type: 'failed', what: comment || show(patch), why }];
  }
}
