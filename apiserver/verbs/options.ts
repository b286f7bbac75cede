/** Query parameters of writes, checked as upstream checks `CreateOptions` and its like. */

import type { JsonObject } from '../../api/meta.ts';
import { queryFlag } from '../../api/query-flag.ts';
import { badRequest, type FieldError, invalid } from '../../api/status.ts';
import type { RequestContext } from '../request/request.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface WriteParameters {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  /** Only for apply. */
  readonly force: boolean;
}

const maxManagerBytes = 128;
const validations = new Set(['', 'Strict', 'Warn', 'Ignore']);

/** Throws 422 named after `kind` (`CreateOptions`, `UpdateOptions`, `PatchOptions`). */
export function writeParameters(
  { request }: RequestContext,
  kind: string,
  apply = false,
): WriteParameters {
  const { query } = request;
  const errors: FieldError[] = [];
  const manager = query.get('fieldManager') ?? '';
  const validation = query.get('fieldValidation') ?? '';
  if (apply && manager === '')
    errors.push({
      field: 'fieldManager',
      type: 'FieldValueRequired',
      message: 'Required value: is required for apply patch',
    });
  if (Buffer.byteLength(manager) > maxManagerBytes)
    errors.push({
      field: 'fieldManager',
      type: 'FieldValueTooLong',
      message: `Too long: may not be more than ${maxManagerBytes} bytes`,
    });
  if (!validations.has(validation))
    errors.push({
      field: 'fieldValidation',
      type: 'FieldValueNotSupported',
      message: `Unsupported value: "${validation}": supported values: "", "Ignore", "Strict", "Warn"`,
    });
  if (!apply && kind === 'PatchOptions' && query.has('force'))
    errors.push({
      field: 'force',
      type: 'FieldValueForbidden',
      message: 'Forbidden: may not be specified for non-apply patch',
    });
  errors.push(...dryRunErrors(query.getAll('dryRun')));
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind }, '', errors);
  return {
    dryRun: query.getAll('dryRun').includes('All'),
    fieldManager: manager === '' ? managerFromUserAgent(request.headers['user-agent']) : manager,
    // The default since Kubernetes 1.27; upstream answers an unset value with warnings.
    fieldValidation: validation === 'Strict' || validation === 'Ignore' ? validation : 'Warn',
    force: queryFlag(query, 'force'),
  };
}

export function dryRunErrors(values: readonly string[]): FieldError[] {
  const wrong = values.filter((value) => value !== '' && value !== 'All');
  if (wrong.length === 0) return [];
  const go = `[]string{${values.map((value) => JSON.stringify(value)).join(', ')}}`;
  return [
    {
      field: 'dryRun',
      type: 'FieldValueNotSupported',
      message: `Unsupported value: ${go}: supported values: "All"`,
    },
  ];
}

/** The part of the User-Agent before the first `/`, as many whole characters as fit. */
function managerFromUserAgent(userAgent: string | undefined): string {
  const name = (userAgent ?? '').split('/')[0] ?? '';
  if (name === '') return 'unknown';
  let [kept, bytes] = ['', 0];
  for (const character of name) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxManagerBytes) break;
    kept += character;
  }
  return kept;
}

/** What a delete asks for, from body and query together. */
export interface DeleteParameters {
  readonly dryRun: boolean;
  readonly graceSeconds: number | undefined;
  readonly propagation: 'Background' | 'Foreground' | 'Orphan' | undefined;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  /** The body, with its type, where there is one. */
  readonly options: JsonObject | undefined;
}

const policies = new Set(['Background', 'Foreground', 'Orphan']);

export function deleteParameters(query: URLSearchParams, body: JsonObject): DeleteParameters {
  const errors: FieldError[] = [];
  const dryRun = Array.isArray(body['dryRun'])
    ? body['dryRun'].map(String)
    : query.getAll('dryRun');
  errors.push(...dryRunErrors(dryRun));
  const policy = body['propagationPolicy'] ?? query.get('propagationPolicy') ?? undefined;
  const asked = query.has('orphanDependents') ? queryFlag(query, 'orphanDependents') : undefined;
  const orphan = body['orphanDependents'] ?? asked;
  if (policy !== undefined && orphan !== undefined)
    errors.push({
      field: 'propagationPolicy',
      type: 'FieldValueInvalid',
      message: `Invalid value: "${policy}": orphanDependents and deletionPropagation cannot be both set`,
    });
  else if (policy !== undefined && !policies.has(String(policy)))
    errors.push({
      field: 'propagationPolicy',
      type: 'FieldValueNotSupported',
      message: `Unsupported value: "${policy}": supported values: "Foreground", "Background", "Orphan", "nil"`,
    });
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  const grace = body['gracePeriodSeconds'] ?? query.get('gracePeriodSeconds') ?? undefined;
  const preconditions = (body['preconditions'] ?? {}) as JsonObject; // Checked by the schema of DeleteOptions.
  return {
    dryRun: dryRun.includes('All'),
    graceSeconds: grace === undefined ? undefined : atLeastNow(parseSeconds(String(grace))),
    propagation: propagationOf(policy, orphan),
    uid: typeof preconditions['uid'] === 'string' ? preconditions['uid'] : undefined,
    resourceVersion:
      typeof preconditions['resourceVersion'] === 'string'
        ? preconditions['resourceVersion']
        : undefined,
    options:
      Object.keys(body).length === 0
        ? undefined
        : { ...body, kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' },
  };
}

function propagationOf(policy: unknown, orphan: unknown): DeleteParameters['propagation'] {
  if (policy === 'Background' || policy === 'Foreground' || policy === 'Orphan') return policy;
  if (orphan === true) return 'Orphan';
  return undefined;
}

/** Throws 400, in Go's words, for what is no integer of 64 bits. */
function parseSeconds(text: string): number {
  const fail = (why: string) =>
    badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`);
  if (!/^[-+]?\d+$/.test(text)) throw fail('invalid syntax');
  const exact = BigInt(text.replace('+', ''));
  if (BigInt.asIntN(64, exact) !== exact) throw fail('value out of range');
  return Number(exact);
}

/** Upstream takes a negative grace period for one second. */
function atLeastNow(seconds: number): number {
  return seconds < 0 ? 1 : seconds;
}
