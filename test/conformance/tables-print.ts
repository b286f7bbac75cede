/** Tables of what `kubectl get` shows: cells of custom columns, and rows of built-in kinds. */
import type { PrinterColumn } from '../../api/schema.ts';
import { makeTable } from '../../apiserver/present/table.ts';
import { isObject, type Json } from './json-path.ts';
import { byTest, is, leftOut, type Tables, type Verdict } from './verdict.ts';

const convertor =
  'apiextensions-apiserver__pkg__registry__customresource__tableconvertor__tableconvertor';

export const printTables: Tables = {
  [convertor]: byTest({ Test_cellForJSONValue: cell }),
  kubernetes__pkg__printers__internalversion__printers: printed,
};

const now = Date.parse('2026-11-22T09:14:24Z');

function cell({ headerType, value, want }: Json): Verdict {
  if (headerType === 'date' && want !== null && want !== '<invalid>')
    return leftOut('the age depends on when the row was written');
  if (headerType === 'string' && typeof value !== 'string')
    return leftOut('strings are printed before this step is reached');
  // Unknown types come from no definition.
  const column = { name: 'A', type: headerType, jsonPath: '.v' } as PrinterColumn;
  const kind = { group: 'x', resource: 'y', builtin: false, columns: [column] };
  const object = { metadata: { name: 'n' }, v: value };
  const table = makeTable({ kind, objects: [object], metadata: {}, nowMs: now });
  return is(table.rows?.[0]?.cells[1], want, `${headerType} ${JSON.stringify(value)}`);
}

/** Test → the field that holds the object, and its kind. */
const kinds: Readonly<Record<string, readonly [string, string, string]>> = {
  TestPrintPod: ['pod', '', 'pods'],
  TestPrintPodWithRestartableInitContainer: ['pod', '', 'pods'],
  TestPrintPodwide: ['pod', '', 'pods'],
  TestPrintPodConditions: ['pod', '', 'pods'],
  TestPrintNonTerminatedPod: ['pod', '', 'pods'],
  TestPrintNodeStatus: ['node', '', 'nodes'],
  TestPrintNodeRole: ['node', '', 'nodes'],
  TestPrintNodeOSImage: ['node', '', 'nodes'],
  TestPrintNodeKernelVersion: ['node', '', 'nodes'],
  TestPrintNodeContainerRuntimeVersion: ['node', '', 'nodes'],
  TestPrintNodeName: ['node', '', 'nodes'],
  TestPrintNodeExternalIP: ['node', '', 'nodes'],
  TestPrintNodeInternalIP: ['node', '', 'nodes'],
  TestPrintNamespace: ['namespace', '', 'namespaces'],
  TestPrintSecret: ['secret', '', 'secrets'],
  TestPrintServiceAccount: ['serviceAccount', '', 'serviceaccounts'],
  TestPrintConfigMap: ['configMap', '', 'configmaps'],
  TestPrintEvent: ['event', '', 'events'],
  TestPrintLease: ['lease', 'coordination.k8s.io', 'leases'],
  TestPrintPriorityClass: ['pc', 'scheduling.k8s.io', 'priorityclasses'],
  TestPrintPodDisruptionBudget: ['pdb', 'policy', 'poddisruptionbudgets'],
  TestPrintControllerRevision: ['history', 'apps', 'controllerrevisions'],
  TestPrintRoleBinding: ['binding', 'rbac.authorization.k8s.io', 'rolebindings'],
  TestPrintClusterRoleBinding: ['binding', 'rbac.authorization.k8s.io', 'clusterrolebindings'],
  TestPrintCertificateSigningRequest: ['csr', 'certificates.k8s.io', 'certificatesigningrequests'],
};

/** Without `-o wide` some columns are not asked for. */
function printed({ test, case: row }: Json): readonly Verdict[] {
  const name = String(test);
  const [field, group, resource] = kinds[name] ?? [];
  if (field === undefined || group === undefined || resource === undefined)
    return [leftOut(`${name.split('/')[0]}: a kind that is not served, or Go's own steps`)];
  const wanted = row.expected ?? row.expect;
  if (row[field] === undefined || !Array.isArray(wanted)) return [leftOut('no object in the row')];
  const objects = [external(row[field])];
  const kind = { group, resource, builtin: true };
  const table = makeTable({ kind, objects, metadata: {}, nowMs: now });
  const all = table.rows?.[0]?.cells ?? [];
  const narrow = all.filter((_, i) => table.columnDefinitions?.[i]?.priority === 0);
  const asked = wanted[0]?.cells ?? [];
  const cells = asked.length === narrow.length ? narrow : all;
  const got = cells
    .slice(0, asked.length)
    .map((each, i) => (isAge(asked[i]) && isAge(each) ? asked[i] : each));
  return [
    is(
      got.map(withoutAgo),
      asked.map(withoutAgo),
      `${name} ${JSON.stringify(objects[0]).slice(0, 300)}`,
    ),
  ];
}

/** Ages were measured while the tables were written. */
function isAge(value: Json): boolean {
  return typeof value === 'string' && /^(\d+[smhdy])+$/.test(value);
}

/** `3 (10s ago)`: when a restart was depends on when the table was written, too. */
function withoutAgo(value: Json): Json {
  return typeof value === 'string' ? value.replace(/\(\w+ ago\)$/, '(some time ago)') : value;
}

/** Go's field names turned into those of the API. */
function external(value: Json): Json {
  if (Array.isArray(value)) return value.map(external);
  if (!isObject(value)) return value ?? undefined;
  if ('$base64' in value) return value.$base64;
  const { ObjectMeta, creationTimestamp, ...rest } = value;
  const fields = Object.entries<Json>(rest).map(([key, each]) => [lower(key), external(each)]);
  return {
    ...Object.fromEntries(fields),
    ...(creationTimestamp ? { creationTimestamp } : {}),
    ...(ObjectMeta === undefined ? {} : { metadata: external(ObjectMeta) }),
  };
}

const names: Readonly<Record<string, string>> = {
  LastTerminationState: 'lastState',
  OSImage: 'osImage',
};

function lower(key: string): string {
  const known = names[key];
  if (known !== undefined) return known;
  if (/^(PodIP|HostIP|ClusterIP|ExternalIP)s?$/.test(key))
    return key.charAt(0).toLowerCase() + key.slice(1);
  return /^[A-Z]+$/.test(key) ? key.toLowerCase() : key.charAt(0).toLowerCase() + key.slice(1);
}
