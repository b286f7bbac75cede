/** Tables of JSONPath: templates with one path in them, as printer columns have. */
import { compileJsonPath } from '../../api/jsonpath.ts';
import type { Json } from './json-path.ts';
import {
  byTest,
  errorOf,
  failed,
  is,
  leftOut,
  plain,
  type Tables,
  type Verdict,
} from './verdict.ts';

export const jsonPathTables: Tables = {
  'client-go__util__jsonpath__jsonpath': byTest({
    TestTypesInput: template,
    TestStructInput: template,
    TestJSONInput: template,
    TestKubernetes: template,
    TestEmptyRange: template,
    TestNestedRanges: template,
    TestFilterPartialMatchesSometimesMissingAnnotations: template,
    TestNegativeIndex: template,
    TestRunningPodsJSONPathOutput: template,
    TestStep: template,
  }),
  'client-go__util__jsonpath__parser': byTest({
    TestParser: ({ name, text, shouldError }) => {
      const path = only(text);
      if (path === undefined || name === undefined) return leftOut(several);
      return is(errorOf(() => compileJsonPath(path)) !== undefined, shouldError, name);
    },
    TestFailParser: ({ name, text }) => {
      const path = only(text);
      if (path === undefined) return leftOut(several);
      return is(errorOf(() => compileJsonPath(path)) !== undefined, true, name);
    },
  }),
};

const several = 'text around paths, ranges and variables are for printing in the client';

/** The path of a template that is nothing but one. */
function only(text: string): string | undefined {
  const match = /^\{([^{}]*)\}$/.exec(text ?? '');
  const path = match?.[1]?.trim();
  return path === undefined || !/^[$@.[]/.test(path) ? undefined : path;
}

function template({ name, template: text, input, expect, expectError }: Json): Verdict {
  const path = only(text);
  if (path === undefined) return leftOut(several);
  if (/^.*error on missing/.test(name) || path.endsWith('..'))
    return leftOut('columns leave out what is missing, and end in a field');
  if ((expectError && !/error/.test(name)) || /unrecognized/.test(expect))
    return is(errorOf(() => compileJsonPath(path)) !== undefined, true, name);
  const outOfBounds = /error/.test(name);
  const found = { values: [] as readonly Json[] };
  const error = errorOf(() => {
    found.values = compileJsonPath(path)(input);
  });
  if (/ is not (found|array or slice)$/.test(expect) || outOfBounds) {
    // A place that is not there gives an empty cell, not an error.
    return is(error !== undefined || found.values.length === 0, true, name);
  }
  if (error !== undefined) return failed(name, error);
  const words = found.values.map((value) =>
    typeof value === 'string' ? value : JSON.stringify(plain(value)),
  );
  const wanted = String(expect);
  const same = (a: string, b: string) => normal(a) === normal(b);
  return is(
    same(words.join(' '), wanted) || same(words.join(''), wanted),
    true,
    `${name}: ${words.join(' ')}, not ${wanted}`,
  );
}

/** The keys of an object come in any order. */
function normal(text: string): string {
  // Structures were written down by Go's names, and short floats as long ones.
  const plainNumbers = text.replace(/-?\d+\.\d+/g, (number) => Number(number).toFixed(4));
  return [...plainNumbers.toLowerCase().replace(/\s/g, '')].sort().join('');
}
