/**
 * `x-kubernetes-validations` of a schema, compiled once.
 * Source: apiextensions-apiserver `pkg/apiserver/schema/cel/compilation.go`.
 */
import type { Schema, ValidationRule } from '../../api/schema.ts';
import { compile, optionalOf, type Program, schemaType, type Type } from '../cel/index.ts';

export interface CompiledRule {
  readonly rule: ValidationRule;
  /** The rule looks at the value as it was. */
  readonly transition: boolean;
  readonly program: Program | undefined;
  readonly message: Program | undefined;
  /** Why there is no program, in upstream's words. */
  readonly error: string | undefined;
  readonly messageError: string | undefined;
  /** `fieldPath` as errors show it: without the dot in front. */
  readonly fieldPath: string;
}

const known = new WeakMap<Schema, readonly CompiledRule[]>();

/** The rules of this schema itself; they live as long as the schema does. */
export function compiledRules(schema: Schema, root: boolean): readonly CompiledRule[] {
  const rules = schema['x-kubernetes-validations'] ?? [];
  if (rules.length === 0) return [];
  const remembered = known.get(schema);
  if (remembered !== undefined) return remembered;
  const self = schemaType(schema, root);
  const compiled = rules.map((rule) => compileRule(rule, self));
  known.set(schema, compiled);
  return compiled;
}

function compileRule(rule: ValidationRule, self: Type | undefined): CompiledRule {
  const fieldPath = normalPath(rule.fieldPath ?? '');
  const nothing = { program: undefined, message: undefined, transition: false, fieldPath };
  if (rule.rule.trim() === '')
    return { ...nothing, rule, error: undefined, messageError: undefined };
  if (self === undefined) {
    const error =
      'rule compiler initialization error: failed to convert to declType for CEL validation rules';
    return { ...nothing, rule, error, messageError: undefined };
  }
  const optional = rule.optionalOldSelf === true;
  const variables = new Map([
    ['self', self],
    ['oldSelf', optional ? optionalOf(self) : self],
  ]);
  const { program, error } = compileAs(rule.rule, variables, 'bool', {
    failed: 'compilation failed',
    wrongType: 'cel expression must evaluate to a bool',
  });
  const message = compileMessage(rule, variables);
  return {
    rule,
    transition: program !== undefined && usesOldSelf(program),
    program,
    error,
    message: message.program,
    messageError: message.error,
    fieldPath,
  };
}

function compileMessage({ messageExpression }: ValidationRule, variables: Map<string, Type>) {
  if (messageExpression === undefined || messageExpression.trim() === '') return {};
  return compileAs(messageExpression, variables, 'string', {
    failed: 'messageExpression compilation failed',
    wrongType: 'messageExpression must evaluate to a string',
  });
}

interface Words {
  readonly failed: string;
  readonly wrongType: string;
}

function compileAs(
  source: string,
  variables: ReadonlyMap<string, Type>,
  wanted: 'bool' | 'string',
  words: Words,
): { readonly program?: Program; readonly error?: string } {
  const compiled = compile(source, variables);
  if (!compiled.ok) return { error: `${words.failed}: ${compiled.error}` };
  const { kind } = compiled.program.type;
  if (kind !== wanted && kind !== 'dyn') return { error: words.wrongType };
  return { program: compiled.program };
}

function usesOldSelf({ checked }: Program): boolean {
  for (const expr of checked.types.keys())
    if (expr.type === 'ident' && expr.name === 'oldSelf') return true;
  return false;
}

function normalPath(path: string): string {
  return path.startsWith('.') ? path.slice(1) : path;
}
