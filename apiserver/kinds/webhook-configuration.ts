/**
 * MutatingWebhookConfiguration and ValidatingWebhookConfiguration.
 * Source: Kubernetes pkg/apis/admissionregistration/validation.
 */
import { asArray, asObject, asString, objectsOf } from '../../api/json.ts';
import { fromLabelSelectorObject } from '../../api/label-selector.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { validateDns1035Label, validateDns1123Subdomain } from '../../api/names.ts';
import { type FieldError, StatusError } from '../../api/status.ts';
import { duplicateValue, invalidValue, notSupported, required } from '../schema/field-error.ts';
import { clientConfigErrors } from '../webhook/client-config.ts';
import { matchConditionErrors } from './match-conditions.ts';
import { ruleErrors } from './operation-rules.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

export const webhookConfigurationStrategy: Strategy = {
  ...plainStrategy,
  generation: true,
  validate(configuration) {
    const seen = new Set<string>();
    return objectsOf(configuration['webhooks']).flatMap((webhook, i) => {
      const path = `webhooks[${i}]`;
      const errors = webhookErrors(webhook, path);
      const name = asString(webhook['name']);
      if (name !== '' && seen.has(name)) errors.push(duplicateValue(`${path}.name`, name));
      seen.add(name);
      return errors;
    });
  },
};

/** The versions of AdmissionReview that this server speaks. */
const reviewVersions = ['v1', 'v1beta1'];
const sideEffects = ['None', 'NoneOnDryRun'];
const timeoutMaxSeconds = 30;

function webhookErrors(webhook: JsonObject, path: string): FieldError[] {
  return [
    ...fullNameErrors(asString(webhook['name']), `${path}.name`),
    ...objectsOf(webhook['rules']).flatMap((rule, i) => ruleErrors(rule, `${path}.rules[${i}]`)),
    ...oneOf(webhook, 'failurePolicy', ['Fail', 'Ignore'], path),
    ...oneOf(webhook, 'matchPolicy', ['Equivalent', 'Exact'], path),
    ...sideEffectErrors(webhook, path),
    ...timeoutErrors(webhook['timeoutSeconds'], `${path}.timeoutSeconds`),
    ...selectorErrors(webhook, 'namespaceSelector', path),
    ...selectorErrors(webhook, 'objectSelector', path),
    ...oneOf(webhook, 'reinvocationPolicy', ['IfNeeded', 'Never'], path),
    ...clientConfigErrors(asObject(webhook['clientConfig']) ?? {}, `${path}.clientConfig`),
    ...matchConditionErrors(objectsOf(webhook['matchConditions']), `${path}.matchConditions`),
    ...versionErrors(
      asArray(webhook['admissionReviewVersions']).map(asString),
      `${path}.admissionReviewVersions`,
    ),
  ];
}

function fullNameErrors(name: string, path: string): FieldError[] {
  if (name === '') return [required(path)];
  const wrong = validateDns1123Subdomain(name);
  if (wrong.length > 0) return [invalidValue(path, name, wrong.join(','))];
  if (name.split('.').length >= 3) return [];
  const why = 'should be a domain with at least three segments separated by dots';
  return [invalidValue(path, name, why)];
}

function oneOf(
  webhook: JsonObject,
  field: string,
  words: readonly string[],
  path: string,
): FieldError[] {
  const value = webhook[field];
  if (value === undefined || words.includes(asString(value))) return [];
  return [notSupported(`${path}.${field}`, value, words)];
}

function sideEffectErrors(webhook: JsonObject, path: string): FieldError[] {
  if (webhook['sideEffects'] === undefined)
    return [required(`${path}.sideEffects`, `must specify one of ${sideEffects.join(', ')}`)];
  return oneOf(webhook, 'sideEffects', sideEffects, path);
}

function timeoutErrors(seconds: JsonValue | undefined, path: string): FieldError[] {
  if (typeof seconds !== 'number' || (seconds >= 1 && seconds <= timeoutMaxSeconds)) return [];
  return [invalidValue(path, seconds, 'the timeout value must be between 1 and 30 seconds')];
}

function selectorErrors(webhook: JsonObject, field: string, path: string): FieldError[] {
  const selector = asObject(webhook[field]);
  if (selector === undefined) return [];
  try {
    fromLabelSelectorObject(selector);
    return [];
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return [invalidValue(`${path}.${field}`, selector, error.message)];
  }
}

function versionErrors(versions: readonly string[], path: string): FieldError[] {
  const known = reviewVersions.join(', ');
  if (versions.length === 0) return [required(path, `must specify one of ${known}`)];
  const errors = versions.flatMap((version, i) => {
    if (versions.indexOf(version) < i)
      return [invalidValue(`${path}[${i}]`, version, 'duplicate version')];
    return validateDns1035Label(version).map((why) => invalidValue(`${path}[${i}]`, version, why));
  });
  if (!versions.some((version) => reviewVersions.includes(version)))
    errors.push(invalidValue(path, versions, `must include at least one of ${known}`));
  return errors;
}
