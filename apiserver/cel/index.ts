/** The Common Expression Language as Kubernetes has it: types, evaluation and costs. Pure. */
export {
  type Condition,
  compileCondition,
  compilePolicy,
  matchConditions,
  PolicyEvaluation,
  type PolicyInput,
  type PolicyTypes,
} from './admission.ts';
export { estimateCost } from './estimate.ts';
export { BudgetError } from './evaluate.ts';
export { type Compiled, compile, type Evaluated, type Program } from './program.ts';
export { escapeName, maxCount, schemaType, schemaValue } from './schema-types.ts';
export { optionalOf, type Type } from './types.ts';
export { CelError, none, OptionalValue, type Value } from './values.ts';
