/** ControllerRevision: what it keeps never changes. */

import { equal } from '../../api/json.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField, invalidValue } from '../schema/field-error.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

export const controllerRevisionStrategy: Strategy = {
  ...plainStrategy,
  validate(object, old) {
    const errors: FieldError[] = [];
    const { revision } = object;
    if (typeof revision === 'number' && revision < 0)
      errors.push(invalidValue('revision', revision, 'must be greater than or equal to 0'));
    if (old !== undefined && !equal(object['data'] ?? {}, old['data'] ?? {}))
      errors.push(forbiddenField('data', 'field is immutable: make another ControllerRevision'));
    return errors;
  },
};
