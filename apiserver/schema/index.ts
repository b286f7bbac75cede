/** Structural schemas: pruning, defaulting, validating. */
export { type Coerced, type CoerceOptions, coerceMeta } from './coerce-meta.ts';
export { applyDefaults, setDefaults } from './defaults.ts';
export {
  type ObjectMetaOptions,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from './object-meta.ts';
export { type PruneOptions, prune } from './prune.ts';
export { type StructuralOptions, validateStructural } from './structural.ts';
export { blocksRules, type ValidateOptions, validate, withUncheckedRules } from './validate.ts';
export { type RuleFindings, validateRules } from './validate-rules.ts';
