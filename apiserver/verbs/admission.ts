/** Requests as the admission chain sees them, and its phases where the verbs need them. */
import type { JsonObject } from '../../api/meta.ts';
import type { Attributes, GroupVersionKind, Operation } from '../admission/index.ts';
import { metaString } from '../storage/cached.ts';
import type { KindRequest, VerbDeps } from './deps.ts';

export interface AdmissionInput {
  readonly operation: Operation;
  /** Where it is not the URL's own kind. */
  readonly kind?: GroupVersionKind;
  /** By default the URL's. */
  readonly name?: string;
  readonly dryRun: boolean;
  readonly old?: JsonObject | undefined;
  /** Where they are not the query's: what the body of a delete says. */
  readonly options?: JsonObject | undefined;
}

export function attributesOf(request: KindRequest, input: AdmissionInput): Attributes {
  const { kind: served, info, user, warnings } = request;
  const { operation, name = info.name, dryRun, old, options, kind = served } = input;
  return {
    operation,
    kind: { group: kind.group, version: kind.version, kind: kind.kind },
    served,
    subresource: request.askedSubresource ?? info.subresource,
    namespace: info.namespace,
    name,
    requestName: info.name,
    user,
    options: options ?? (operation === 'CONNECT' ? undefined : queryOptions(request, operation)),
    dryRun,
    old,
    signal: request.request.signal,
    warnings,
    annotate: request.annotate,
    reinvocation: { wanted: false, isSecond: false },
  };
}

/** Both phases over an object that is stored nowhere (Eviction, Binding) or that goes away. */
export async function admit(
  { admission }: VerbDeps,
  attributes: Attributes,
  object: JsonObject | undefined,
): Promise<JsonObject | undefined> {
  const admitted = (await admission.mutate(attributes, object)) ?? object;
  await admission.validate(attributes, admitted);
  return admitted;
}

/** The name of what is created: the body's, else the URL's. */
export function createdName(request: KindRequest, object: JsonObject): string {
  const name = metaString(object, 'name');
  return name === '' ? request.info.name : name;
}

const apiVersion = 'meta.k8s.io/v1';
const optionWords: Readonly<Record<Operation, string>> = {
  CREATE: 'Create',
  UPDATE: 'Update',
  DELETE: 'Delete',
  CONNECT: '',
};

/** As upstream hands them on: of a patch those of the create or update that comes of it. */
function queryOptions({ request }: KindRequest, operation: Operation): JsonObject {
  const { query } = request;
  const options: JsonObject = { kind: `${optionWords[operation]}Options`, apiVersion };
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  if (dryRun.length > 0) options['dryRun'] = dryRun;
  for (const field of ['fieldManager', 'fieldValidation']) {
    const value = query.get(field) ?? '';
    if (value !== '') options[field] = value;
  }
  return options;
}
