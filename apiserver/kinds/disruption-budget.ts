/** PodDisruptionBudget: one of two fields, and a selector that can be read. */

import { asObject, at } from '../../api/json.ts';
import { fromLabelSelectorObject } from '../../api/label-selector.ts';
import type { FieldError } from '../../api/status.ts';
import { invalidValue } from '../schema/field-error.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

export const disruptionBudgetStrategy: Strategy = {
  ...plainStrategy,
  generation: true,
  validate(budget) {
    const spec = asObject(budget['spec']) ?? {};
    const errors: FieldError[] = [];
    if (spec['minAvailable'] !== undefined && spec['maxUnavailable'] !== undefined)
      errors.push(invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set'));
    const selector = asObject(at(budget, 'spec', 'selector'));
    if (selector === undefined) return errors;
    try {
      fromLabelSelectorObject(selector);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      errors.push(invalidValue('spec.selector', selector, why));
    }
    return errors;
  },
};
