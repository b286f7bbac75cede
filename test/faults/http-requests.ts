/** Random requests to the API: real ones from discovery and schemas, then made wrong. */
import type { KubeObject } from '../../api/meta.ts';
import type { KindDefinition, Schema } from '../../api/schema.ts';
import { berthCrds, builtinKinds } from '../../crds/index.ts';
import { mutateBody, mutateText } from './http-mutations.ts';
import type { Dice } from './runs.ts';
import { valueFor } from './schema-values.ts';

/** How a request reaches the server. */
export type Manner = 'http1' | 'http2' | 'slow' | 'aborted' | 'reset' | 'upgrade';

export interface WrongRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  readonly manner: Manner;
}

/** One thing that discovery says may be asked for. */
export interface Target {
  /** `/api/v1` or `/apis/<group>/<version>`. */
  readonly base: string;
  /** `pods`, `pods/status`. */
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Objects are few, so that requests meet and nothing piles up. */
const names = ['a', 'b', 'web', 'default', 'widgets.example.com'];
export const namespacesOfFuzz = ['default', 'fuzz'];

const parameters: readonly (readonly [string, readonly string[]])[] = [
  ['dryRun', ['All', 'Some', '', 'all']],
  ['fieldManager', ['fuzz', '', 'x'.repeat(200), '\u0000']],
  ['fieldValidation', ['Strict', 'Warn', 'Ignore', 'No']],
  ['force', ['true', 'false', 'maybe']],
  ['limit', ['1', '0', '-1', '99999999999999999999', 'x']],
  ['continue', ['x', 'eyJ2IjoibWV0YSJ9', '%%%']],
  ['resourceVersion', ['0', '1', '99999999999', '-1', 'x', '1e3', '']],
  ['resourceVersionMatch', ['Exact', 'NotOlderThan', 'Never']],
  ['labelSelector', ['app=web', 'a in (b,c)', '!a', 'a in (', '=', ',,', 'x'.repeat(5_000)]],
  ['fieldSelector', ['metadata.name=a', 'spec.nodeName=', 'status=', '=', 'a.b!=c,', 'x']],
  ['watch', ['1', 'true', 'maybe', '0']],
  ['timeoutSeconds', ['1', '0', '-5', 'x', '1.5']],
  ['allowWatchBookmarks', ['true', 'x']],
  ['sendInitialEvents', ['true', 'x']],
  ['propagationPolicy', ['Orphan', 'Foreground', 'Background', 'Never']],
  ['gracePeriodSeconds', ['0', '30', '-1', 'x', '99999999999999999999']],
  ['includeObject', ['Metadata', 'x']],
  ['container', ['main', '\u0000', '../..']],
  ['pretty', ['true', 'x']],
  ['__proto__', ['x']],
];

const contentTypes = [
  'application/json',
  'application/yaml',
  'application/apply-patch+yaml',
  'application/merge-patch+json',
  'application/json-patch+json',
  'application/strategic-merge-patch+json',
  'application/vnd.kubernetes.protobuf',
  'text/plain',
  'application/json; charset=utf-8',
  '/',
  '',
];

const accepts = [
  'application/json',
  'application/yaml',
  '*/*',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  'application/vnd.kubernetes.protobuf',
  'image/png',
  ';;;,',
  `${'a/b,'.repeat(2_000)}c`,
];

const definitions: readonly KindDefinition[] = [
  ...builtinKinds,
  ...berthCrds.map(({ spec }) => spec as unknown as KindDefinition), // A definition's spec is one.
];

/** One request, mostly nearly right. */
export function wrongRequest(targets: readonly Target[], dice: Dice): WrongRequest {
  const target = dice.pick(targets);
  const method = methodOf(dice);
  const withBody = dice.chance(method === 'GET' ? 0.05 : 0.95);
  const path = pathOf(target, method, dice);
  const headers = headersOf(method, dice);
  const body = withBody ? bodyOf(target, headers['content-type'] ?? '', dice) : undefined;
  return { method, path, headers, body, manner: mannerOf(dice) };
}

function mannerOf(dice: Dice): Manner {
  return dice.weighted<Manner>([
    [55, 'http1'],
    [35, 'http2'],
    [2, 'slow'],
    [3, 'aborted'],
    [3, 'reset'],
    [2, 'upgrade'],
  ]);
}

function methodOf(dice: Dice): string {
  return dice.weighted([
    [30, 'POST'],
    [20, 'PUT'],
    [25, 'PATCH'],
    [8, 'DELETE'],
    [15, 'GET'],
    [1, 'HEAD'],
    [1, 'OPTIONS'],
    [1, 'TRACE'],
    [1, 'PROPFIND'],
  ]);
}

function pathOf({ base, resource, namespaced }: Target, method: string, dice: Dice): string {
  const [plural = '', part] = resource.split('/');
  const namespace = namespaced
    ? `/namespaces/${dice.chance(0.9) ? dice.pick(namespacesOfFuzz) : mutateText('fuzz', dice)}`
    : '';
  const named =
    part !== undefined ||
    (method === 'POST' ? dice.chance(0.05) : dice.chance(0.85)) ||
    // All definitions at once are the server's own as well.
    (method === 'DELETE' && plural === 'customresourcedefinitions');
  const name = dice.chance(0.93) ? dice.pick(names) : mutateText('a', dice);
  const end = named ? `/${percentEncoded(name)}${part === undefined ? '' : `/${part}`}` : '';
  const whole = `${base}${percentEncoded(namespace)}/${plural}${end}`;
  const path = dice.chance(0.03) ? percentEncoded(mutateText(whole, dice)) : whole;
  return `${path.startsWith('/') ? path : `/${path}`}${queryOf(method, dice)}`;
}

/** Half of what is written is only tried. */
function queryOf(method: string, dice: Dice): string {
  const query: string[] = [];
  if (method === 'PATCH' && dice.chance(0.8)) query.push('fieldManager=fuzz');
  if (method !== 'GET' && dice.chance(0.3)) query.push('dryRun=All');
  for (let i = dice.chance(0.4) ? 1 + dice.below(3) : 0; i > 0; i -= 1) {
    const [name, values] = dice.pick(parameters);
    query.push(`${name}=${dice.chance(0.9) ? encodeURIComponent(dice.pick(values)) : '%zz'}`);
  }
  return query.length === 0 ? '' : `?${query.join('&')}`;
}

/** Keeps what a client library would refuse to send. */
function percentEncoded(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not go out raw.
  return text.replace(/[\u0000-\u0020\u007f-\uffff#?]/g, (c) =>
    encodeURIComponent(/[\ud800-\udfff]/.test(c) ? '\ufffd' : c),
  );
}

function headersOf(method: string, dice: Dice): Record<string, string> {
  const patch = ['application/merge-patch+json', 'application/apply-patch+yaml'] as const;
  const usual = method === 'PATCH' ? dice.pick([...patch, ...contentTypes]) : 'application/json';
  const headers: Record<string, string> = {
    'content-type': dice.chance(0.85) ? usual : dice.pick(contentTypes),
  };
  if (dice.chance(0.3)) headers['accept'] = dice.pick(accepts);
  if (dice.chance(0.03)) headers['user-agent'] = '\u00e9'.repeat(300);
  if (dice.chance(0.03)) headers['if-none-match'] = '"x"';
  if (dice.chance(0.02)) headers['impersonate-user'] = 'alice';
  if (dice.chance(0.02)) headers['authorization'] = 'Bearer rubbish';
  if (dice.chance(0.02)) headers['accept-encoding'] = 'gzip, br;q=x';
  if (dice.chance(0.02)) headers['x-long'] = 'x'.repeat(6_000);
  return headers;
}

function bodyOf(target: Target, contentType: string, dice: Dice): Buffer {
  const object = contentType.includes('json-patch')
    ? jsonPatchOf(target, dice)
    : objectOf(target, dice);
  return mutateBody(object, contentType, dice);
}

function objectOf({ base, kind, resource }: Target, dice: Dice): KubeObject {
  const apiVersion = base.replace(/^\/apis?\//, '');
  const schema = schemaOf(apiVersion, kind);
  const made = schema === undefined ? {} : valueFor(schema, dice);
  const name = dice.pick(names);
  return {
    ...(made as object),
    apiVersion: resource.endsWith('/scale') ? 'autoscaling/v1' : apiVersion,
    kind,
    metadata: { name, labels: { app: 'web' }, ...(dice.chance(0.2) ? { finalizers: [] } : {}) },
    // Most workloads and pods are whole, so that requests come far.
    ...(dice.chance(0.7) ? wholeSpec(kind) : {}),
  };
}

function wholeSpec(kind: string): object {
  const labels = { app: 'web' };
  const pod = { containers: [{ name: 'main', image: 'berth.dev/none:1' }] };
  if (kind === 'Pod') return { spec: { ...pod, nodeName: 'n9' } };
  const template = { metadata: { labels }, spec: pod };
  if (kind === 'Workload')
    return { spec: { replicas: 0, selector: { matchLabels: labels }, template } };
  return {};
}

function jsonPatchOf(_target: Target, dice: Dice): object[] {
  const paths = ['/spec', '/metadata/labels/app', '/data/a', '/spec/replicas', '', '/~2', '/x/-/0'];
  return Array.from({ length: dice.below(4) }, () => ({
    op: dice.pick(['add', 'remove', 'replace', 'move', 'copy', 'test', 'be']),
    path: dice.pick(paths),
    from: dice.pick(paths),
    value: dice.pick<unknown>([null, 1, 'x', {}, [], { a: { b: {} } }]),
  }));
}

function schemaOf(apiVersion: string, kind: string): Schema | undefined {
  for (const { group, names: names_, versions } of definitions) {
    const version = versions.find(({ name }) => apiVersion === (group ? `${group}/${name}` : name));
    if (names_.kind === kind && version !== undefined) return version.schema.openAPIV3Schema;
  }
  return undefined;
}
