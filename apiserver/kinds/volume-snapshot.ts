/** VolumeSnapshot: where it lies is not its maker's to say, and stays. */
import { asObject, equal } from '../../api/json.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField } from '../schema/field-error.ts';
import { customStrategy, type Strategy } from './strategy.ts';

const given = ['nodeName', 'allocation'] as const;

export const volumeSnapshotStrategy: Strategy = {
  ...customStrategy,
  plainWords: true,
  prepareForCreate(snapshot) {
    snapshot['status'] = { phase: 'Pending', readyToUse: false };
    const spec = asObject(snapshot['spec']);
    if (spec !== undefined) for (const field of given) delete spec[field];
  },
  validate(snapshot, old): FieldError[] {
    const spec = asObject(snapshot['spec']) ?? {};
    const before = asObject(old?.['spec']) ?? {};
    return given
      .filter((field) => before[field] !== undefined && !equal(spec[field], before[field]))
      .map((field) => forbiddenField(`spec.${field}`, 'a snapshot stays where it lies'));
  },
};
