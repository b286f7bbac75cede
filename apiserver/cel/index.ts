/** The Common Expression Language as Kubernetes has it: types, evaluation and costs. Pure. */
export { BudgetError } from './evaluate.ts';
export { type Compiled, compile, type Evaluated, type Program } from './program.ts';
export { escapeName, schemaType, schemaValue } from './schema-types.ts';
export { optionalOf, type Type } from './types.ts';
export { CelError, none, OptionalValue, type Value } from './values.ts';
