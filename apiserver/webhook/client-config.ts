/**
 * How a webhook is reached: what is wrong with its configuration.
 * Source: Kubernetes apiserver/pkg/util/webhook/validation.go.
 */
import { asObject, asString } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { validateDns1123Subdomain } from '../../api/names.ts';
import type { FieldError } from '../../api/status.ts';
import { child, invalidValue, required } from '../schema/field-error.ts';

/** `path` is that of the configuration. */
export function clientConfigErrors(config: JsonObject, path: string): FieldError[] {
  const { url } = config;
  const service = asObject(config['service']);
  if ((typeof url === 'string') === (service !== undefined))
    return [required(path, 'exactly one of url or service is required')];
  // Any `caBundle` is taken: tools put the right one in place of `Cg==` later.
  return service === undefined
    ? urlErrors(asString(url), child(path, 'url'))
    : serviceErrors(service, child(path, 'service'));
}

const form = '; desired format: https://host[/path]';
const urlParts =
  /^(?:([a-zA-Z][\w+.-]*):)?(?:\/\/(?:([^@/?#]*)@)?([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#(.*))?$/s;

function urlErrors(url: string, path: string): FieldError[] {
  const [, scheme = '', user, host = '', query = '', fragment = ''] = urlParts.exec(url) ?? [];
  const errors: FieldError[] = [];
  const wrong = (value: string, why: string) => errors.push(invalidValue(path, value, why));
  if (scheme.toLowerCase() !== 'https')
    wrong(scheme, `'https' is the only allowed URL scheme${form}`);
  if (host === '') wrong(host, `host must be provided${form}`);
  if (user !== undefined) wrong(user, 'user information is not permitted in the URL');
  if (fragment !== '') wrong(fragment, 'fragments are not permitted in the URL');
  if (query !== '') wrong(query, 'query parameters are not permitted in the URL');
  if (errors.length === 0 && !URL.canParse(url))
    errors.push(required(path, `url must be a valid URL: ${url}${form}`));
  return errors;
}

function serviceErrors(service: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['name', 'namespace'])
    if (asString(service[field]) === '')
      errors.push(required(child(path, field), `service ${field} is required`));
  const { port } = service;
  if (typeof port === 'number' && (port < 1 || port > 65_535)) {
    const why = 'port is not valid: must be between 1 and 65535, inclusive';
    errors.push(invalidValue(child(path, 'port'), port, why));
  }
  const given = asString(service['path']);
  const wrong = pathMistakes(given).map((why) => invalidValue(child(path, 'path'), given, why));
  return [...errors, ...wrong];
}

function pathMistakes(path: string): string[] {
  if (path === '' || path === '/') return [];
  if (path === '//') return ['segment[0] may not be empty'];
  const mistakes = path.startsWith('/') ? [] : ["must start with a '/'"];
  const steps = path.slice(1).replace(/\/$/, '').split('/');
  for (const [i, step] of steps.entries()) {
    if (step === '') mistakes.push(`segment[${i}] may not be empty`);
    else mistakes.push(...validateDns1123Subdomain(step).map((why) => `segment[${i}]: ${why}`));
  }
  return mistakes;
}
