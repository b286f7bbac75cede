/** Every field of every kind, wrong in turn: the answer names its path and says what is expected. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import type { KindDefinition } from '../../api/schema.ts';
import type { Status } from '../../api/status.ts';
import { berthCrds, builtinKinds } from '../../crds/index.ts';
import { signal, startTestApi, type TestApi } from '../harness/apiserver.ts';
import { soak } from './runs.ts';
import { type WrongField, wrongFields } from './wrong-fields.ts';

const labels = { app: 'x' };
const podSpec = { containers: [{ name: 'c', image: 'i' }] };

/** What every kind needs to be right. */
const right: Readonly<Record<string, JsonObject>> = {
  Pod: { spec: podSpec },
  Workload: {
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec } },
  },
  Event: { involvedObject: { namespace: 'default' } },
  RoleBinding: { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'x' } },
  ClusterRoleBinding: {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'x' },
  },
  VolumeSnapshot: { spec: { volume: 'x' } },
  PodDisruptionBudget: { spec: { selector: { matchLabels: labels } } },
  CustomResourceDefinition: {
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'xs', kind: 'X', singular: 'x', listKind: 'XList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object' } },
        },
      ],
    },
  },
};

/** What the server decides, and does not read from a request that creates. */
const setByServer: Readonly<Record<string, RegExp>> = {
  VolumeSnapshot: /^spec\.(nodeName|allocation)\b/,
};

/** Words that tell what would be right. */
const remedy =
  /must be|must have|must match|should match|should be|should have|supported values|expected|unmarshal .* into|cannot parse|Required value|valid .* (must|consists)|greater than|less than|at least|at most|may not|must not|required|forbidden|Forbidden|immutable/;

const definitions: readonly KindDefinition[] = [
  ...builtinKinds,
  ...berthCrds.map(({ spec }) => spec as unknown as KindDefinition), // A definition's spec is one.
];

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi('embedded');
});
afterAll(() => api?.stop());

test.each(definitions.map((each) => [each.names.kind, each] as const))(
  'every wrong field of a %s is named with a remedy',
  { timeout: 240_000 },
  async (kind, definition) => {
    const version = definition.versions.find(({ storage }) => storage)!;
    const name = kind === 'CustomResourceDefinition' ? 'xs.example.com' : 'x';
    const apiVersion = definition.group ? `${definition.group}/${version.name}` : version.name;
    const whole = { apiVersion, kind, metadata: { name }, ...right[kind] };
    const where = definition.scope === 'Namespaced' ? '/namespaces/default' : '';
    const base = `${definition.group ? '/apis' : '/api'}/${apiVersion}${where}`;
    const post = (object: JsonObject) => ask(`${base}/${definition.names.plural}`, object);
    expect((await post(whole)).text, 'the right one').toContain(`"${name}"`);

    const unclear: string[] = [];
    let asked = 0;
    for (const wrong of wrongFields(version.schema.openAPIV3Schema, whole, soak)) {
      if (setByServer[kind]?.test(wrong.path)) continue;
      asked += 1;
      const why = complaint(wrong, await post(wrong.object));
      if (why !== undefined) unclear.push(why);
    }
    expect(asked).toBeGreaterThan(0);
    expect(unclear.length, unclear.slice(0, 200).join('\n')).toBe(0);
  },
);

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Without a socket: there are thousands. */
async function ask(path: string, object: JsonObject): Promise<Answer> {
  const transport = api.server.transport({ name: 'admin', groups: ['system:masters'] });
  const { status, body } = await transport({
    method: 'POST',
    path: `${path}?dryRun=All`,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(object)),
    signal,
  });
  let text = '';
  for await (const chunk of body) text += Buffer.from(chunk).toString('utf8');
  return { status, text };
}

function complaint({ path, what }: WrongField, { status, text }: Answer): string | undefined {
  const told = `${path} (${what}): ${status} ${text.slice(0, 500)}`;
  if (status < 400 || status >= 500) return told;
  const body = JSON.parse(text) as Status;
  const causes = body.details?.causes ?? [];
  const here = causes.filter(({ field = '' }) => named(field, path));
  const said = here.length > 0 ? here.map(({ message }) => message).join('\n') : body.message;
  if (here.length === 0 && !named(String(body.message), path)) return `no path: ${told}`;
  return remedy.test(said ?? '') ? undefined : `no remedy: ${told}`;
}

/** `labels[x]` and `labels.x` are one; kube-apiserver's decoder names a map without the key. */
function named(text: string, path: string): boolean {
  return plain(text).includes(plain(path).replace(/\.x$/, ''));
}

function plain(text: string): string {
  return text.replace(/\[(\w+)\]/g, '.$1').replace(/["\\]/g, '');
}
