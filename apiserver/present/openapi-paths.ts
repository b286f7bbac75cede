/** The `paths` of an OpenAPI document: which requests a kind answers, and with what. */
import type { OpenApiKind, OpenApiSubresource } from './openapi-kind.ts';
import { type Components, definitionName, type Published, reference } from './openapi-schemas.ts';

interface Names {
  /** Of the kind in `components.schemas`. */
  readonly name: string;
  readonly listName: string;
}

/** Every path of the kind with its operations. */
export function kindPaths(
  kind: OpenApiKind,
  names: Names,
  components: Components,
): Record<string, Published> {
  const { group, version, plural, namespaced } = kind;
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const collection = namespaced ? `${base}/namespaces/{namespace}/${plural}` : `${base}/${plural}`;
  const item = `${collection}/{name}`;
  const paths: Record<string, Published> = {};
  const add = (path: string, operations: Published) => {
    if (Object.keys(operations).length > 0) {
      paths[path] = { ...operations, parameters: pathParameters(path) };
    }
  };
  add(collection, collectionOperations(kind, names, components));
  add(item, itemOperations(kind, names.name, components));
  if (namespaced && kind.verbs.includes('list')) {
    add(`${base}/${plural}`, { get: listOperation(kind, names.listName, 'ForAllNamespaces') });
  }
  for (const sub of kind.subresources) {
    const operations = subresourceOperations(kind, sub, names.name, components);
    add(`${item}/${sub.name}`, operations);
  }
  return paths;
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

function collectionOperations(kind: OpenApiKind, names: Names, components: Components): Published {
  const operations: Published = {};
  if (kind.verbs.includes('list')) operations['get'] = listOperation(kind, names.listName, '');
  if (kind.verbs.includes('create')) {
    operations['post'] = write(kind, 'create', 'post', reference(names.name));
  }
  if (kind.verbs.includes('deletecollection')) {
    operations['delete'] = remove(kind, 'deletecollection', components);
  }
  return operations;
}

function itemOperations(kind: OpenApiKind, name: string, components: Components): Published {
  const operations: Published = {};
  const body = reference(name);
  if (kind.verbs.includes('get')) operations['get'] = read(kind, body);
  if (kind.verbs.includes('update')) operations['put'] = write(kind, 'replace', 'put', body);
  if (kind.verbs.includes('patch')) operations['patch'] = patch(kind, body, components);
  if (kind.verbs.includes('delete')) operations['delete'] = remove(kind, 'delete', components);
  return operations;
}

function subresourceOperations(
  kind: OpenApiKind,
  sub: OpenApiSubresource,
  name: string,
  components: Components,
): Published {
  const body = reference(subresourceBody(kind, sub, name, components));
  const subject: Subject = {
    ...kind,
    group: sub.group ?? kind.group,
    version: sub.version ?? kind.version,
    kind: sub.kind,
    at: { group: kind.group, version: kind.version, kind: kind.kind },
    suffix: sub.name.charAt(0).toUpperCase() + sub.name.slice(1),
  };
  const operations: Published = {};
  if (sub.verbs.includes('get')) operations['get'] = read(subject, body);
  if (sub.verbs.includes('create')) operations['post'] = write(subject, 'create', 'post', body);
  if (sub.verbs.includes('update')) operations['put'] = write(subject, 'replace', 'put', body);
  if (sub.verbs.includes('patch')) operations['patch'] = patch(subject, body, components);
  return operations;
}

/** The name of the component that the subresource reads and writes. */
function subresourceBody(
  kind: OpenApiKind,
  sub: OpenApiSubresource,
  name: string,
  components: Components,
): string {
  if (sub.schema !== undefined) {
    const own =
      sub.schema['x-berth-definition'] ??
      definitionName(sub.group ?? kind.group, sub.version ?? kind.version, sub.kind);
    if (!components.has(own)) components.publish({ ...sub.schema, 'x-berth-definition': own });
    return own;
  }
  if (sub.kind !== 'Scale') return name;
  const scale = 'io.k8s.api.autoscaling.v1.Scale';
  components.common(scale);
  return scale;
}

/** What an operation is about; `at` and `suffix` only for subresources. */
interface Subject {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly builtin: boolean;
  readonly at?: { readonly group: string; readonly version: string; readonly kind: string };
  readonly suffix?: string;
}

function operation(subject: Subject, verb: string, action: string, more: Published): Published {
  const { group, version, kind, namespaced, at = subject, suffix = '' } = subject;
  const scope = namespaced ? 'Namespaced' : '';
  const part = suffix === '' ? '' : `${suffix.toLowerCase()} of `;
  return {
    tags: [`${lowerFirst(groupWord(at.group))}_${at.version}`],
    description: `${verb} ${part}the specified ${at.kind}`,
    operationId: `${verb}${groupWord(at.group)}${upperFirst(at.version)}${scope}${at.kind}${suffix}`,
    ...more,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  };
}

function listOperation(kind: OpenApiKind, listName: string, suffix: '' | 'ForAllNamespaces') {
  const subject = { ...kind, namespaced: kind.namespaced && suffix === '' };
  const made = operation(subject, 'list', 'list', {
    parameters: listParameters,
    responses: responses(reference(listName), ['200']),
  });
  return { ...made, operationId: `${made['operationId']}${suffix}` };
}

function read(subject: Subject, body: Published): Published {
  return operation(subject, 'read', 'get', { responses: responses(body, ['200']) });
}

function write(subject: Subject, verb: string, action: 'post' | 'put', body: Published): Published {
  return operation(subject, verb, action, {
    parameters: writeParameters,
    requestBody: { content: { '*/*': { schema: body } }, required: true },
    responses: responses(body, action === 'post' ? ['200', '201', '202'] : ['200', '201']),
  });
}

/** kubectl reads from the body's media types whether a kind takes strategic merge patches. */
function patch(subject: Subject, body: Published, components: Components): Published {
  const types = [
    'application/apply-patch+yaml',
    'application/json-patch+json',
    'application/merge-patch+json',
    ...(subject.builtin ? ['application/strategic-merge-patch+json'] : []),
  ];
  const schema = components.common(`${meta}.Patch`);
  return operation(subject, 'patch', 'patch', {
    parameters: [...writeParameters, query('force', 'boolean')],
    requestBody: {
      content: Object.fromEntries(types.map((type) => [type, { schema }])),
      required: true,
    },
    responses: responses(body, ['200', '201']),
  });
}

function remove(
  subject: Subject,
  action: 'delete' | 'deletecollection',
  components: Components,
): Published {
  const options = components.common(`${meta}.DeleteOptions`);
  const verb = action === 'delete' ? 'delete' : 'deleteCollection';
  const named = { ...subject, suffix: '' };
  const made = operation(named, 'delete', action, {
    parameters: action === 'delete' ? deleteParameters : [...listParameters, ...deleteParameters],
    requestBody: { content: { '*/*': { schema: options } } },
    responses: responses(components.common(`${meta}.Status`), ['200', '202']),
  });
  return { ...made, operationId: String(made['operationId']).replace(/^delete/, verb) };
}

const words: Readonly<Record<string, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

function responses(schema: Published, codes: readonly string[]): Published {
  const content = { 'application/json': { schema }, 'application/yaml': { schema } };
  const good = codes.map((code) => [code, { description: words[code], content }]);
  return { ...Object.fromEntries(good), 401: { description: 'Unauthorized' } };
}

function query(name: string, type: 'string' | 'integer' | 'boolean'): Published {
  return { name, in: 'query', schema: { type, uniqueItems: true } };
}

const writeParameters = [
  query('dryRun', 'string'),
  query('fieldManager', 'string'),
  query('fieldValidation', 'string'),
];

const deleteParameters = [
  query('dryRun', 'string'),
  query('gracePeriodSeconds', 'integer'),
  query('orphanDependents', 'boolean'),
  query('propagationPolicy', 'string'),
];

const listParameters = [
  query('allowWatchBookmarks', 'boolean'),
  query('continue', 'string'),
  query('fieldSelector', 'string'),
  query('labelSelector', 'string'),
  query('limit', 'integer'),
  query('resourceVersion', 'string'),
  query('resourceVersionMatch', 'string'),
  query('sendInitialEvents', 'boolean'),
  query('timeoutSeconds', 'integer'),
  query('watch', 'boolean'),
];

function pathParameters(path: string): Published[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name: name ?? '',
    in: 'path',
    required: true,
    schema: { type: 'string', uniqueItems: true },
  }));
  return [...inPath, query('pretty', 'string')];
}

/** `coordination.k8s.io` → `Coordination`, `berth.dev` → `BerthDev`, the core group → `Core`. */
function groupWord(group: string): string {
  if (group === '') return 'Core';
  const own = group.replace(/\.k8s\.io$/, '');
  return own.split(/[.-]/).map(upperFirst).join('');
}

function upperFirst(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function lowerFirst(word: string): string {
  return word.charAt(0).toLowerCase() + word.slice(1);
}
