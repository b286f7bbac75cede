/**
 * `spec.conversion` of a CustomResourceDefinition. Fields are named as upstream's internal form has them.
 * Source: Kubernetes apiextensions-apiserver/pkg/apis/apiextensions/validation.
 */
import { asArray, asObject, asString, at } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField, required } from '../schema/field-error.ts';
import { clientConfigErrors } from '../webhook/client-config.ts';
import { reviewVersionErrors } from './review-versions.ts';

const path = 'spec.conversion.webhookClientConfig';
const versionPath = 'spec.conversion.conversionReviewVersions';

export function conversionErrors(crd: JsonObject): FieldError[] {
  const conversion = asObject(at(crd, 'spec', 'conversion')) ?? {};
  const webhook = asObject(conversion['webhook']);
  const config = asObject(webhook?.['clientConfig']);
  const versions = asArray(webhook?.['conversionReviewVersions']).map(asString);
  if (conversion['strategy'] !== 'Webhook') {
    const why = 'should not be set when strategy is not set to Webhook';
    return [
      ...(config === undefined ? [] : [forbiddenField(path, why)]),
      ...(versions.length === 0 ? [] : [forbiddenField(versionPath, why)]),
    ];
  }
  return [
    ...(config === undefined
      ? [required(path, 'required when strategy is set to Webhook')]
      : clientConfigErrors(config, path)),
    ...(versions.length === 0
      ? [required(versionPath)]
      : reviewVersionErrors(versions, versionPath)),
  ];
}
