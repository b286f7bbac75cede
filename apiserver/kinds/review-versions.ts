/** The versions of a review that a webhook understands: at least one that this server speaks. */
import { validateDns1035Label } from '../../api/names.ts';
import type { FieldError } from '../../api/status.ts';
import { invalidValue } from '../schema/field-error.ts';

/** Of AdmissionReview and of ConversionReview. */
export const reviewVersions = ['v1', 'v1beta1'];

export function reviewVersionErrors(versions: readonly string[], path: string): FieldError[] {
  const errors = versions.flatMap((version, i) => {
    if (versions.indexOf(version) < i)
      return [invalidValue(`${path}[${i}]`, version, 'duplicate version')];
    return validateDns1035Label(version).map((why) => invalidValue(`${path}[${i}]`, version, why));
  });
  if (!versions.some((version) => reviewVersions.includes(version)))
    errors.push(
      invalidValue(path, versions, `must include at least one of ${reviewVersions.join(', ')}`),
    );
  return errors;
}
