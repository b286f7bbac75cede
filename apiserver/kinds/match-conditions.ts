/** `matchConditions`: names, and expressions that compile. Source: Kubernetes admissionregistration. */
import { asString } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { validateQualifiedName } from '../../api/names.ts';
import type { FieldError } from '../../api/status.ts';
import { compileCondition } from '../cel/index.ts';
import { duplicateValue, invalidValue, required, tooMany } from '../schema/field-error.ts';

const maxConditions = 64;

export function matchConditionErrors(
  conditions: readonly JsonObject[],
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (conditions.length > maxConditions)
    errors.push(tooMany(path, conditions.length, maxConditions));
  const seen = new Set<string>();
  for (const [i, condition] of conditions.entries()) {
    const at = `${path}[${i}]`;
    const name = asString(condition['name']);
    errors.push(...expressionErrors(asString(condition['expression']).trim(), `${at}.expression`));
    if (name === '') errors.push(required(`${at}.name`));
    errors.push(
      ...(name === '' ? [] : validateQualifiedName(name)).map((why) =>
        invalidValue(`${at}.name`, name, why),
      ),
    );
    if (name !== '' && seen.has(name)) errors.push(duplicateValue(`${at}.name`, name));
    seen.add(name);
  }
  return errors;
}

function expressionErrors(expression: string, path: string): FieldError[] {
  if (expression === '') return [required(path)];
  const compiled = compileCondition(expression);
  return compiled.ok ? [] : [invalidValue(path, expression, compiled.error)];
}
