/** Volumes and the real server: bound in one transaction with whoever uses them, on both stores. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Body,
  eventually,
  startTestApi,
  storeKinds,
  type TestApi,
} from '../harness/apiserver.ts';

const podsPath = '/api/v1/namespaces/default/pods';
const volumesPath = '/apis/berth.dev/v1/namespaces/default/volumes';
const leasesPath = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
const term = { namespace: 'kube-system', name: 'sched', holderIdentity: 'me', leaseTransitions: 3 };
const merge = { headers: { 'content-type': 'application/merge-patch+json' } };

describe.each(storeKinds)('on %s', (kind) => {
  let api: TestApi;

  beforeAll(async () => {
    api = await startTestApi(kind);
    await created('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace' }, 'kube-system');
    const spec = { holderIdentity: 'me', leaseTransitions: 3, leaseDurationSeconds: 15 };
    const apiVersion = 'coordination.k8s.io/v1';
    await created(leasesPath, { apiVersion, kind: 'Lease', spec }, 'sched');
  });

  afterAll(async () => {
    await api.stop();
  });

  async function created(path: string, object: object, name: string): Promise<Body> {
    const answer = await api.call('POST', path, { ...object, metadata: { name } });
    if (answer.status === 409 && path.endsWith('namespaces')) return answer.body;
    expect(answer.status, answer.text).toBe(201);
    return answer.body;
  }

  function volume(name: string, spec: object = {}): Promise<Body> {
    const object = { apiVersion: 'berth.dev/v1', kind: 'Volume', spec: { size: '1Gi', ...spec } };
    return created(volumesPath, object, name);
  }

  function pod(name: string, ...claims: string[]): Promise<Body> {
    const volumes = claims.map((claimName) => ({
      name: claimName,
      persistentVolumeClaim: { claimName },
    }));
    const spec = { containers: [{ name: 'c', image: 'web' }], volumes };
    return created(podsPath, { apiVersion: 'v1', kind: 'Pod', spec }, name);
  }

  const binding = (name: string, nodeName: string, ...volumes: object[]) => ({
    resource: 'pods',
    namespace: 'default',
    name,
    nodeName,
    volumes,
  });
  const bind = (...items: object[]) => send(term, items);

  async function send(lease: object, items: object[]): Promise<Body> {
    const body = { apiVersion: 'berth.dev/v1', kind: 'BindingList', lease, items };
    const answer = await api.call('POST', '/apis/berth.dev/v1/bindings', body);
    return answer.body;
  }

  async function get(path: string, name: string): Promise<Body> {
    const answer = await api.call('GET', `${path}/${name}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.body;
  }

  const errorsOf = (answer: Body) => answer.items.map((item: Body) => item.error?.message ?? '');

  test('a pod and its Volumes are one write', async () => {
    const a = await volume('a1');
    await volume('b1');
    const p = await pod('p1', 'a1', 'b1');
    const answer = await bind(
      binding(
        'p1',
        'n1',
        { name: 'a1', uid: a.metadata.uid, disk: 'd1' },
        { name: 'b1', disk: 'd2' },
      ),
    );
    expect(errorsOf(answer)).toEqual(['']);
    const [bound, first, second] = await Promise.all([
      get(podsPath, 'p1'),
      get(volumesPath, 'a1'),
      get(volumesPath, 'b1'),
    ]);
    expect(bound.spec.nodeName).toBe('n1');
    const holder = { kind: 'Pod', name: 'p1', uid: p.metadata.uid };
    expect(first.spec).toMatchObject({ nodeName: 'n1', allocation: { disk: 'd1' } });
    expect(first.metadata.finalizers).toEqual([
      'berth.dev/volume-protection',
      'berth.dev/volume-data',
    ]);
    expect(first.status).toEqual({ phase: 'Pending', holder });
    expect(second.spec).toMatchObject({ nodeName: 'n1', allocation: { disk: 'd2' } });
    const revisions = [bound, first, second].map(({ metadata }) => metadata.resourceVersion);
    expect(new Set(revisions).size).toBe(1);
  });

  test('whoever lost the lease writes neither', async () => {
    await volume('a2');
    await pod('p2', 'a2');
    const lost = { ...term, leaseTransitions: 2 };
    const answer = await send(lost, [binding('p2', 'n1', { name: 'a2', disk: 'd1' })]);
    expect(answer).toMatchObject({ kind: 'Status', code: 409 });
    expect((await get(podsPath, 'p2')).spec.nodeName).toBeUndefined();
    expect((await get(volumesPath, 'a2')).spec.nodeName).toBeUndefined();
  });

  test('what a binding cannot have leaves the pod unbound, and says why', async () => {
    await volume('held3');
    await volume('free3');
    await volume('going3');
    await api.call('DELETE', `${volumesPath}/going3`);
    await pod('holder3', 'held3');
    await bind(binding('holder3', 'n1', { name: 'held3', disk: 'd1' }));
    const on = { name: 'free3', disk: 'd1' };
    const cases = [
      ['q3', ['none3'], [], 'volumes.berth.dev "none3" not found'],
      ['r3', ['held3'], [], 'volume "held3" is held by Pod "holder3"'],
      ['s3', ['free3'], [{ ...on, uid: 'other' }], 'is another one of the same name'],
      ['t3', ['free3'], [], 'volume "free3" has no disk yet'],
      ['u3', ['going3'], [{ name: 'going3', disk: 'd1' }], 'volume "going3" is being deleted'],
      ['v3', ['free3', 'held3'], [on], 'volume "held3" is held by Pod "holder3"'],
    ] as const;
    for (const [name, claims] of cases) await pod(name, ...claims);
    const answer = await bind(...cases.map(([name, , given]) => binding(name, 'n1', ...given)));
    for (const [index, [name, , , message]] of cases.entries()) {
      expect(errorsOf(answer)[index]).toContain(message);
      expect((await get(podsPath, name)).spec.nodeName).toBeUndefined();
    }
    expect((await get(volumesPath, 'free3')).spec.nodeName).toBeUndefined();
    await pod('w3', 'free3');
    await bind(binding('w3', 'n1', on));
    await api.call('PATCH', `${volumesPath}/free3/status`, { status: { holder: null } }, merge);
    await pod('x3', 'free3');
    expect(errorsOf(await bind(binding('x3', 'n2', on)))[0]).toContain('lies on node n1');
  });

  test('of those that want one Volume at the same moment, one gets it', async () => {
    await volume('a4');
    await Promise.all(['p4', 'q4', 'r4', 's4'].map((name) => pod(name, 'a4')));
    const on = { name: 'a4', disk: 'd1' };
    const answers = await Promise.all([
      bind(binding('p4', 'n1', on), binding('q4', 'n1', on)),
      bind(binding('r4', 'n1', on), binding('s4', 'n1', on)),
    ]);
    const messages: string[] = answers.flatMap(errorsOf);
    expect(messages.filter((message) => message === '')).toHaveLength(1);
    const { holder } = (await get(volumesPath, 'a4')).status;
    const all = await Promise.all(['p4', 'q4', 'r4', 's4'].map((name) => get(podsPath, name)));
    const bound = all.filter(({ spec }) => spec.nodeName !== undefined);
    expect(bound.map(({ metadata }) => metadata.uid)).toEqual([holder.uid]);
  });

  test('what has its node gets one more Volume there, in one write, and the others stay as they are', async () => {
    const vmsPath = '/apis/berth.dev/v1/namespaces/default/vms';
    await volume('a0');
    await volume('b0');
    await pod('holder0', 'b0');
    await bind(binding('holder0', 'n1', { name: 'b0', disk: 'd1' }));
    const disks = ['a0', 'b0'].map((name) => ({ name, volume: name }));
    const vm = { apiVersion: 'berth.dev/v1', kind: 'VM' };
    const resources = { requests: { cpu: '1', memory: '128Mi' } };
    const boot = { kernel: '/boot/vmlinuz' };
    const { metadata } = await created(vmsPath, { ...vm, spec: { resources, boot, disks } }, 'm0');
    const of = (nodeName: string) => ({
      ...binding('m0', nodeName, { name: 'a0', disk: 'd1' }),
      resource: 'vms',
    });
    await api.call('PATCH', `${vmsPath}/m0`, { spec: { nodeName: 'n1' } }, merge);
    const waits = { type: 'VolumesBound', status: 'False', reason: 'VolumeUnavailable' };
    const condition = { ...waits, message: 'x', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const told = { status: { conditions: [condition] } };
    await api.call('PATCH', `${vmsPath}/m0/status`, told, merge);
    expect(errorsOf(await bind(of('n2')))[0]).toContain('already assigned to node "n1"');
    // Whoever is bound for the first time says what it is given.
    expect(errorsOf(await bind({ ...of('n1'), allocation: {} }))[0]).toContain('already assigned');
    expect(errorsOf(await bind(of('n1')))).toEqual(['']);
    const [m, a] = await Promise.all([get(vmsPath, 'm0'), get(volumesPath, 'a0')]);
    expect(a.spec).toMatchObject({ nodeName: 'n1', allocation: { disk: 'd1' } });
    expect(a.status.holder).toEqual({ kind: 'VM', name: 'm0', uid: metadata.uid });
    expect(a.metadata.resourceVersion).toBe(m.metadata.resourceVersion);
    expect(m.status.conditions).toEqual([]);
    expect((await get(volumesPath, 'b0')).status.holder.name).toBe('holder0');
  });

  test('another scheduler binds a pod to Volumes that have their place, and to no others', async () => {
    const target = { kind: 'Node', name: 'n1' };
    const post = (name: string) =>
      api.call('POST', `${podsPath}/${name}/binding`, {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name },
        target,
      });
    await volume('a5');
    await volume('b5', { nodeName: 'n1', allocation: { disk: 'd1' } });
    await pod('p5', 'a5');
    await pod('q5', 'b5');
    const refused = await post('p5');
    expect([refused.status, refused.body.message]).toEqual([
      409,
      expect.stringContaining('volume "a5" has no disk yet'),
    ]);
    expect((await post('q5')).status).toBe(201);
    expect((await get(volumesPath, 'b5')).status.holder.name).toBe('q5');
  });

  test('a machine holds the Volumes among its disks', async () => {
    await volume('a6');
    const disks = [
      { name: 'root', size: '1Gi' },
      { name: 'data', volume: 'a6' },
    ];
    const spec = { resources: { requests: { memory: '1Gi' } }, disks };
    const path = '/apis/berth.dev/v1/namespaces/default/vms';
    await created(path, { apiVersion: 'berth.dev/v1', kind: 'VM', spec }, 'm6');
    const item = { ...binding('m6', 'n1', { name: 'a6', disk: 'd1' }), resource: 'vms' };
    expect(errorsOf(await bind(item))).toEqual(['']);
    expect((await get(volumesPath, 'a6')).status.holder).toMatchObject({ kind: 'VM', name: 'm6' });
  });

  test('a node writes the status of those that lie on it, and lets go of data', async () => {
    const cert = await api.pki.leaf('node', {
      commonName: 'system:node:n1',
      organizations: ['system:nodes'],
    });
    const as = { token: null, cert, ...merge };
    const guarded = { nodeName: 'n1', allocation: { disk: 'd1' } };
    await volume('here7', guarded);
    await volume('there7', { ...guarded, nodeName: 'n2' });
    const patch = (path: string, body: object) =>
      api.call('PATCH', `${volumesPath}/${path}`, body, as);
    const ready = { status: { phase: 'Ready' } };
    await eventually(async () => expect((await patch('here7/status', ready)).status).toBe(200));
    expect((await patch('there7/status', ready)).status).toBe(403);
    expect((await patch('here7', { spec: { size: '2Gi' } })).status).toBe(403);
    const unprotected = await patch('here7', { metadata: { finalizers: [] } });
    expect([unprotected.status, unprotected.body.message]).toEqual([
      403,
      expect.stringContaining('may only take the finalizer berth.dev/volume-data'),
    ]);
  });

  test('what may not change is told by field', async () => {
    await volume('a8', { size: '2Gi' });
    const patch = async (spec: object) =>
      (await api.call('PATCH', `${volumesPath}/a8`, { spec }, merge)).body.message;
    expect(await patch({ size: '1Gi' })).toContain(
      'spec.size: Forbidden: a Volume never shrinks: ask for at least 2Gi',
    );
    expect(await patch({ class: 'ssd' })).toContain('spec.class: Invalid value: "ssd": field is');
    expect(await patch({ volumeMode: 'Raw' })).toContain('spec.volumeMode: Unsupported value');
  });

  test('a Volume is not made smaller than what it is made from', async () => {
    const snapshots = '/apis/berth.dev/v1/namespaces/default/volumesnapshots';
    await volume('a9', { size: '2Gi' });
    const snapshot = { apiVersion: 'berth.dev/v1', kind: 'VolumeSnapshot', spec: { volume: 'a9' } };
    await created(snapshots, snapshot, 's9');
    const make = (name: string, size: string, source: object) =>
      api.call('POST', volumesPath, {
        apiVersion: 'berth.dev/v1',
        kind: 'Volume',
        metadata: { name },
        spec: { size, source },
      });
    const small = await make('b9', '1Gi', { volume: 'a9' });
    expect([small.status, small.body.message]).toEqual([
      422,
      expect.stringContaining(
        'spec.size: Invalid value: "1Gi": must be at least 2Gi, the size of volume "a9"',
      ),
    ]);
    expect((await make('b9', '2Gi', { volume: 'a9' })).status).toBe(201);
    // Nobody knows yet how large it will be.
    expect((await make('c9', '1Gi', { snapshot: 's9' })).status).toBe(201);
    const status = { restoreSize: '3Gi' };
    await api.call('PATCH', `${snapshots}/s9/status`, { status }, merge);
    expect((await make('d9', '2Gi', { snapshot: 's9' })).body.message).toContain(
      'must be at least 3Gi, the size of snapshot "s9"',
    );
  });

  test('a quota counts the sizes of volumes, and what they grow by', async () => {
    const here = '/apis/berth.dev/v1/namespaces/counted/volumes';
    const quotas = '/api/v1/namespaces/counted/resourcequotas';
    await created('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace' }, 'counted');
    const hard = { 'requests.storage': '3Gi', 'local.volumeclass.berth.dev/volumes': '2' };
    const quota = { apiVersion: 'v1', kind: 'ResourceQuota', spec: { hard } };
    await created(quotas, quota, 'q');
    const make = (name: string, size: string) =>
      api.call('POST', here, {
        apiVersion: 'berth.dev/v1',
        kind: 'Volume',
        metadata: { name },
        spec: { size },
      });
    const grow = (size: string) => api.call('PATCH', `${here}/a`, { spec: { size } }, merge);
    expect((await make('a', '1Gi')).status).toBe(201);
    expect((await grow('2Gi')).status).toBe(200);
    const used = async () => (await get(quotas, 'q')).status.used['requests.storage'];
    expect(await used()).toBe('2Gi');
    const refused = await grow('4Gi');
    expect([refused.status, refused.body.message]).toEqual([
      403,
      expect.stringContaining(
        'exceeded quota: q, requested: requests.storage=2Gi, used: requests.storage=2Gi',
      ),
    ]);
    expect((await make('b', '2Gi')).status).toBe(403);
    expect((await make('b', '1Gi')).status).toBe(201);
    expect(await used()).toBe('3Gi');
  });
});
