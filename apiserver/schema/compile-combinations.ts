import type { Schema } from '../../api/schema.ts';
import { type Check, compileSchema, type Findings } from './compile.ts';
import { invalidValue } from './field-error.ts';

/**
 * `anyOf`, `oneOf`, `allOf` and `not`. What fails as a whole is reported without a field, as
 * upstream does.
 */
export function compileCombinations(schema: Schema): Check | undefined {
  const checks = [
    compileAnyOf(schema.anyOf),
    compileOneOf(schema.oneOf),
    compileAllOf(schema.allOf),
    compileNot(schema.not),
  ].filter((check) => check !== undefined);
  if (checks.length === 0) return undefined;
  return (value, path, findings) => {
    for (const check of checks) check(value, path, findings);
  };
}

function compileAnyOf(schemas: readonly Schema[] = []): Check | undefined {
  if (schemas.length === 0) return undefined;
  const checks = schemas.map(compileSchema);
  return (value, path, findings) => {
    let best: Findings | undefined;
    for (const check of checks) {
      const branch = findings.branch();
      check(value, path, branch);
      if (branch.errors.length === 0) return;
      if (best === undefined || branch.matches > best.matches) best = branch;
    }
    fail(findings, `"${path}" must validate at least one schema (anyOf)`);
    if (best !== undefined) findings.merge(best);
  };
}

function compileOneOf(schemas: readonly Schema[] = []): Check | undefined {
  if (schemas.length === 0) return undefined;
  const checks = schemas.map(compileSchema);
  return (value, path, findings) => {
    let best: Findings | undefined;
    let valid = 0;
    for (const check of checks) {
      const branch = findings.branch();
      check(value, path, branch);
      if (branch.errors.length === 0) valid += 1;
      else if (valid === 0 && (best === undefined || branch.matches > best.matches)) best = branch;
    }
    if (valid === 1) return;
    const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`;
    fail(findings, `"${path}" must validate one and only one schema (oneOf). ${found}`);
    if (valid === 0 && best !== undefined) findings.merge(best);
  };
}

function compileAllOf(schemas: readonly Schema[] = []): Check | undefined {
  if (schemas.length === 0) return undefined;
  const checks = schemas.map(compileSchema);
  return (value, path, findings) => {
    let valid = 0;
    for (const check of checks) {
      const branch = findings.branch();
      check(value, path, branch);
      if (branch.errors.length === 0) valid += 1;
      findings.merge(branch);
    }
    if (valid === checks.length) return;
    const none = valid === 0 ? '. None validated' : '';
    fail(findings, `"${path}" must validate all the schemas (allOf)${none}`);
  };
}

function compileNot(schema: Schema | undefined): Check | undefined {
  if (schema === undefined) return undefined;
  const check = compileSchema(schema);
  return (value, path, findings) => {
    const branch = findings.branch();
    check(value, path, branch);
    if (branch.errors.length === 0) fail(findings, `"${path}" must not validate the schema (not)`);
  };
}

function fail(findings: Findings, message: string): void {
  findings.add(invalidValue('<nil>', '', message));
}
