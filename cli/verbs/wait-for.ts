/** What `--for` asks of an object, judged on the object as it is. Pure. */
import { findCondition } from '../../api/conditions.ts';
import { compileJsonPath, JsonPathError } from '../../api/jsonpath.ts';
import type { Condition, JsonValue } from '../../api/meta.ts';
import { usage } from '../failure.ts';

/** `undefined` = the object is not there. */
type Judge = (object: JsonValue | undefined) => boolean;

export interface Expectation {
  /** How messages name it: `condition "Available"`. */
  readonly what: string;
  readonly isMet: Judge;
}

/** `condition=Ready`, `condition=Ready=False`, `delete`, `create`, `jsonpath={.status.phase}=Running`. */
export function parseExpectation(text: string): Expectation {
  if (text === 'delete') return { what: 'deletion', isMet: (object) => object === undefined };
  if (text === 'create') return { what: 'creation', isMet: (object) => object !== undefined };
  if (text.startsWith('condition=')) return conditionIs(text.slice('condition='.length));
  if (text.startsWith('jsonpath=')) return valueIs(text.slice('jsonpath='.length));
  throw usage(
    `--for=${text} is not understood: write condition=Available, delete, create or ` +
      "jsonpath='{.status.phase}'=Running",
  );
}

interface Conditioned {
  readonly metadata?: { readonly generation?: number };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

function conditionIs(text: string): Expectation {
  const [type = '', wanted = 'True'] = text.split('=');
  if (type === '') throw usage('--for=condition= needs the name of a condition');
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  return {
    what: `condition "${type}"${wanted === 'True' ? '' : ` = ${wanted}`}`,
    isMet: (object) => {
      if (object === undefined) return false;
      const { metadata, status } = object as Conditioned; // Absent fields are checked for.
      const exact = findCondition(status?.conditions, type);
      const found = exact ?? status?.conditions?.find((each) => same(each.type, type));
      if (found === undefined || !same(found.status, wanted)) return false;
      // A condition that speaks of an older spec does not count.
      return (found.observedGeneration ?? Infinity) >= (metadata?.generation ?? 0);
    },
  };
}

function valueIs(text: string): Expectation {
  const match = /^'?(\{[^}]*\}|[^=]+)'?(?:=(.*))?$/s.exec(text);
  const [, expression = '', wanted] = match ?? [];
  const path = expression.replace(/^\{|\}$/g, '');
  try {
    const values = compileJsonPath(path);
    return {
      what: `${expression}${wanted === undefined ? '' : ` = ${wanted}`}`,
      isMet: (object) => {
        const found = values(object);
        if (wanted === undefined) return found.length > 0;
        return found.some((value) => plain(value) === wanted);
      },
    };
  } catch (error) {
    if (!(error instanceof JsonPathError)) throw error;
    throw usage(`the path ${expression} cannot be read: ${error.message}`);
  }
}

function plain(value: JsonValue): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}
