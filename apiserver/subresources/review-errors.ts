/** What is wrong with a question about access. Source: Kubernetes pkg/apis/authorization/validation. */
import { asArray, asObject, asString } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { badRequest, type FieldError, invalid } from '../../api/status.ts';
import { invalidValue } from '../schema/field-error.ts';

/** Throws for a review of that resource; `namespace` is the URL's. */
export function checkAccessReview(resource: string, body: JsonObject, namespace: string): void {
  const spec = asObject(body['spec']) ?? {};
  const metadata = asObject(body['metadata']) ?? {};
  const isLocal = resource === 'localsubjectaccessreviews';
  if (isLocal && asString(metadata['namespace']) !== namespace)
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
  const errors = [
    ...attributeErrors(spec),
    ...(resource === 'selfsubjectaccessreviews' ? [] : subjectErrors(spec)),
    ...metadataErrors(metadata, isLocal),
    ...(isLocal ? localErrors(spec, namespace) : []),
  ];
  if (errors.length > 0) throw invalid({ group: 'authorization.k8s.io', kind: '' }, '', errors);
}

function attributeErrors(spec: JsonObject): FieldError[] {
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  if (resource !== undefined && other !== undefined) {
    const why = 'cannot be specified in combination with resourceAttributes';
    return [invalidValue('spec.nonResourceAttributes', other, why)];
  }
  if (resource !== undefined || other !== undefined) return [];
  const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  return [invalidValue('spec.resourceAttributes', 'null', why)];
}

function subjectErrors(spec: JsonObject): FieldError[] {
  if (asString(spec['user']) !== '' || asArray(spec['groups']).length > 0) return [];
  return [invalidValue('spec.user', '', 'at least one of user or group must be specified')];
}

function metadataErrors(metadata: JsonObject, isLocal: boolean): FieldError[] {
  const { namespace, managedFields: _owners, ...others } = metadata;
  // Clients in Go send `creationTimestamp: null`.
  const filled = Object.values(others).some((value) => value !== undefined && value !== null);
  const wrong = filled || (!isLocal && asString(namespace) !== '');
  const why = isLocal ? 'must be empty except for namespace' : 'must be empty';
  return wrong ? [invalidValue('metadata', metadata, why)] : [];
}

function localErrors(spec: JsonObject, namespace: string): FieldError[] {
  const resource = asObject(spec['resourceAttributes']);
  const given = asString(resource?.['namespace']);
  const errors: FieldError[] = [];
  if (resource !== undefined && given !== namespace)
    errors.push(
      invalidValue('spec.resourceAttributes.namespace', given, 'must match metadata.namespace'),
    );
  const other = spec['nonResourceAttributes'];
  if (other !== undefined)
    errors.push(
      invalidValue('spec.nonResourceAttributes', other, 'disallowed on this kind of request'),
    );
  return errors;
}
