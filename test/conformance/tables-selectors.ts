/** Tables of label and field selectors. */
import { escapeFieldValue, parseFieldSelector } from '../../api/field-selector.ts';
import { fromLabelSelectorObject, parseLabelSelector } from '../../api/label-selector.ts';
import type { Json } from './json-path.ts';
import {
  byTest,
  errorOf,
  failed,
  is,
  leftOut,
  passed,
  succeeds,
  type Tables,
  type Verdict,
} from './verdict.ts';

const structures = 'built from structures, not from text';

export const selectorTables: Tables = {
  apimachinery__pkg__labels__selector: byTest({
    TestRequirementSelectorMatching: labelMatch,
    TestToString: labelParse,
    TestSetSelectorParser: labelParse,
    TestRequirementConstructor: requirement,
    TestValidatedSelectorFromSet: fromSet,
  }),
  apimachinery__pkg__labels__labels: byTest({ TestLabelSelectorParse: simpleSelector }),
  apimachinery__pkg__fields__selector: byTest({
    TestEscapeValue: (escaped, key) => is(escapeFieldValue(String(key)), escaped, String(key)),
    TestRequiresExactMatch: fieldExactMatch,
  }),
  apiserver__pkg__storage__selection_predicate: byTest({ TestSelectionPredicate: predicate }),
};

/** Which value a selector asks of a field by `=`, and whether it asks at all. */
function fieldExactMatch({ S: text, Label: label, Value: value, Found: found }: Json): Verdict {
  const exact = parseFieldSelector(String(text)).requirements.find(
    ({ field, operator }) => field === label && operator === '=',
  );
  return is([exact !== undefined, exact?.value ?? ''], [found, value], String(text));
}

function labelMatch({ Sel: selector, Set: set, Match: match }: Json): Verdict {
  // Empty stands for Go's zero value, which matches nothing.
  if (typeof selector !== 'string' || selector === '' || typeof set !== 'string')
    return leftOut(structures);
  return is(parseLabelSelector(selector).matches(labelsOf(set)), match, `${selector} ${set}`);
}

function labelParse(row: Json): Verdict {
  const { In: text, Out: written, Valid: valid } = row;
  if (typeof text !== 'string') return leftOut(structures);
  if (!valid)
    return is(
      succeeds(() => parseLabelSelector(text)),
      false,
      text,
    );
  const got = String(parseLabelSelector(text));
  return row.Match === false ? is(got === written, false, text) : is(got, written, text);
}

const objectOperators: Readonly<Record<string, string>> = {
  in: 'In',
  notin: 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
};

/** A requirement is refused or taken, in an object or, where only text has its operator, in text. */
function requirement({ Key: key, Op: operator, Vals: given, WantErr: errors }: Json): Verdict {
  const values = Object.keys(given ?? {});
  const named = objectOperators[operator];
  const what = `${key} ${operator} ${values}`;
  const error = errorOf(() => {
    if (named !== undefined)
      fromLabelSelectorObject({ matchExpressions: [{ key, operator: named, values }] });
    else if (operator === '=' && values.length === 1)
      fromLabelSelectorObject({ matchLabels: { [key]: values[0] ?? '' } });
    else parseLabelSelector(`${key}${signs[operator] ?? operator}${values}`);
  });
  const refused = Array.isArray(errors) && errors.length > 0;
  if (operator === 'unsupportedOp' || (values.length > 1 && !named))
    return leftOut('cannot be written as text');
  return (error !== undefined) === refused ? passed : failed(what, error ?? 'taken');
}

const signs: Readonly<Record<string, string>> = { gt: '>', lt: '<' };

function fromSet({ input, expectedSelector, expectedError }: Json): Verdict {
  const run = () => String(fromLabelSelectorObject({ matchLabels: labelsOf(input) }));
  if (expectedError !== null) return is(succeeds(run), false, input);
  return is(run(), expectedSelector, input);
}

/** What is nothing but equal signs selects the labels that it names. */
function simpleSelector({ selector, labels, valid }: Json): Verdict {
  if (!valid) return leftOut('this form takes fewer operators than selectors do');
  return is(parseLabelSelector(selector).matches(labels), true, selector);
}

function predicate(row: Json): Verdict {
  if (row.err !== null) return leftOut('reading the attributes fails');
  const fields = labelsOf(row.fields);
  const matches =
    parseLabelSelector(row.labelSelector).matches(labelsOf(row.labels)) &&
    parseFieldSelector(row.fieldSelector).matches((field) => fields[field] ?? '');
  return is(matches, row.shouldMatch, `${row.labelSelector} ${row.fieldSelector}`);
}

/** `a=b,c=d` as an object. */
function labelsOf(set: string): Readonly<Record<string, string>> {
  const pairs = set.split(',').filter((pair) => pair !== '');
  return Object.fromEntries(pairs.map((pair) => [pair.split('=')[0], pair.split('=')[1] ?? '']));
}
