/** CertificateSigningRequest: who asks is what the server says, and nothing of it can be changed. */

import { asArray, asObject, asString, at, child } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField, invalidValue, required } from '../schema/field-error.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

const minSeconds = 600;
const pem =
  /^-----BEGIN (NEW )?CERTIFICATE REQUEST-----\n[\s\S]+-----END (NEW )?CERTIFICATE REQUEST-----\s*$/;
const decisions = ['Approved', 'Denied', 'Failed'];

export const certificateRequestStrategy: Strategy = {
  ...plainStrategy,
  typesFirst: true,
  prepareForCreate(request, { user }) {
    delete request['status'];
    const spec = child(request, 'spec');
    spec['username'] = user.name;
    spec['groups'] = [...user.groups];
    delete spec['extra'];
    if (user.uid === undefined) delete spec['uid'];
    else spec['uid'] = user.uid;
  },
  prepareForUpdate(request, old) {
    request['spec'] = old['spec'] ?? {};
  },
  validate(request, old) {
    if (old !== undefined) return [];
    const spec = asObject(request['spec']) ?? {};
    const text = Buffer.from(asString(spec['request']), 'base64').toString('utf8');
    const errors: FieldError[] = [];
    if (!pem.test(text))
      errors.push(
        invalidValue(
          'spec.request',
          asString(spec['request']),
          'PEM block type must be CERTIFICATE REQUEST',
        ),
      );
    if (!/^[^/\s]+\/[^\s]+$/.test(asString(spec['signerName'])))
      errors.push(
        invalidValue('spec.signerName', spec['signerName'], 'must be of the form <domain>/<name>'),
      );
    if (asArray(spec['usages']).length === 0) errors.push(required('spec.usages'));
    const seconds = spec['expirationSeconds'];
    if (typeof seconds === 'number' && seconds < minSeconds)
      errors.push(
        invalidValue(
          'spec.expirationSeconds',
          seconds,
          `may not specify a duration less than ${minSeconds} seconds (10 minutes)`,
        ),
      );
    return errors;
  },
  validateStatus(request, old) {
    const errors: FieldError[] = [];
    const before = at(old, 'status', 'certificate') ?? '';
    const after = at(request, 'status', 'certificate') ?? '';
    if (before !== '' && before !== after)
      errors.push(forbiddenField('status.certificate', 'may not be changed once it is set'));
    for (const type of decisions)
      if (conditionOf(old, type) !== undefined && conditionOf(request, type) === undefined)
        errors.push(
          forbiddenField('status.conditions', `the condition ${type} may not be removed`),
        );
    if (
      conditionOf(request, 'Approved') !== undefined &&
      conditionOf(request, 'Denied') !== undefined
    )
      errors.push(
        invalidValue(
          'status.conditions',
          'Denied',
          'Approved and Denied conditions are mutually exclusive',
        ),
      );
    return errors;
  },
};

/** What `/approval` may write: conditions, with the rest of the object as it was. Pure. */
export function withDecision(sent: JsonObject, old: JsonObject): JsonObject {
  const status = { ...asObject(old['status']) };
  const conditions = asObject(sent['status'])?.['conditions'];
  if (conditions !== undefined) status['conditions'] = conditions;
  return { ...sent, spec: old['spec'] ?? {}, status };
}

function conditionOf(request: JsonObject, type: string): JsonObject | undefined {
  return asArray(at(request, 'status', 'conditions'))
    .map((each) => asObject(each))
    .find((each) => each?.['type'] === type);
}
