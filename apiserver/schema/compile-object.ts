import { isObject } from '../../api/json.ts';
import type { Schema } from '../../api/schema.ts';
import { type Check, compileSchema } from './compile.ts';
import { child, required, tooMany } from './field-error.ts';
import { additionalSchema } from './json-kinds.ts';

/** Counts of properties, the properties themselves, and which must be there. */
export function compileObject(schema: Schema): Check | undefined {
  const { minProperties, maxProperties, required: wanted = [] } = schema;
  const properties = new Map<string, Check>();
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    properties.set(key, compileSchema(property));
  }
  const additional = additionalSchema(schema);
  const checkAdditional = additional === undefined ? undefined : compileSchema(additional);
  const closed = schema.additionalProperties === false;
  return (value, path, findings) => {
    if (!isObject(value)) return;
    const keys = Object.keys(value);
    if (minProperties !== undefined && keys.length < minProperties) {
      findings.invalid(path, keys.length, `should have at least ${minProperties} properties`);
      return;
    }
    if (maxProperties !== undefined && keys.length > maxProperties) {
      findings.add(tooMany(findings.field(path), keys.length, maxProperties));
      return;
    }
    if (closed || checkAdditional !== undefined) {
      for (const key of keys) {
        const field = value[key];
        if (field === undefined || properties.has(key)) continue;
        if (closed) findings.invalid(child(path, key), '', 'is a forbidden property');
        else checkAdditional?.(field, child(path, key), findings);
      }
    }
    for (const [key, check] of properties) {
      const field = Object.hasOwn(value, key) ? value[key] : undefined;
      if (field !== undefined) check(field, child(path, key), findings);
    }
    for (const key of wanted) {
      if (!Object.hasOwn(value, key) || value[key] === undefined) {
        findings.add(required(findings.field(child(path, key))));
      }
    }
  };
}
