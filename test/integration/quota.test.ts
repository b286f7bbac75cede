import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createInformers } from '../../controllers/kit/informers.ts';
import { runQuotas } from '../../controllers/quota/run.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import {
  adminToken,
  configMap,
  eventually,
  startTestApi,
  storeKinds,
  type TestApi,
  widgetDefinition,
} from '../harness/apiserver.ts';
import { kubectlBinary } from '../harness/kubectl.ts';

const quotasOf = (namespace: string) => `/api/v1/namespaces/${namespace}/resourcequotas`;
const podsOf = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;

function pod(name: string, resources: object = {}) {
  const containers = [{ name: 'c', image: 'web', resources }];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers } };
}

function quota(hard: object) {
  return { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard } };
}

async function namespace(api: TestApi, name: string) {
  await api.call('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  });
}

/** As a server runs it, without the lease. */
function startController({ client }: TestApi) {
  const stopped = new AbortController();
  const deps = { client, clock: systemClock, random: systemRandom, log: createLog('silent') };
  const informers = createInformers(deps);
  const done = runQuotas({ ...deps, informers, signal: stopped.signal });
  informers.start();
  return async () => {
    stopped.abort();
    await done;
    await informers.stop();
  };
}

describe.each(storeKinds)('on %s', (kind) => {
  let api: TestApi;
  let other: TestApi;
  let stopController: () => Promise<void>;
  beforeAll(async () => {
    api = await startTestApi(kind);
    other = await api.again();
    stopController = startController(api);
  });
  afterAll(async () => {
    await stopController?.();
    await api?.stop();
  });
  const used = async (ns: string) => (await api.call('GET', `${quotasOf(ns)}/q`)).body.status?.used;

  test('fifty creations at once by two servers: exactly ten come in', async () => {
    await namespace(api, 'many');
    await api.call('POST', quotasOf('many'), quota({ pods: '10' }));
    // The other server must have heard of the quota.
    await eventually(async () => {
      expect((await other.call('GET', `${quotasOf('many')}/q`)).status).toBe(200);
    });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? api : other).call('POST', podsOf('many'), pod(`p${index}`)),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(10);
    expect(statuses.filter((status) => status === 403)).toHaveLength(40);
    const { body } = await api.call('GET', podsOf('many'));
    expect(body.items).toHaveLength(10);
    expect(await used('many')).toEqual({ pods: '10' });
    const refused = answers.find(({ status }) => status === 403);
    expect(refused?.body.message).toMatch(
      /^pods "p\d+" is forbidden: exceeded quota: q, requested: pods=1, used: pods=10, limited: pods=10$/,
    );
  });

  test('what goes or ends makes room, and a write that fails costs nothing', async () => {
    await namespace(api, 'room');
    await api.call('POST', quotasOf('room'), quota({ pods: '2' }));
    for (const name of ['a', 'b']) {
      const made = await api.call('POST', podsOf('room'), pod(name));
      expect(made.status).toBe(201);
    }
    await api.call('DELETE', `${podsOf('room')}/a`);
    await eventually(async () => expect(await used('room')).toEqual({ pods: '1' }));
    expect((await api.call('POST', podsOf('room'), pod('b'))).status).toBe(409);
    expect(await used('room')).toEqual({ pods: '1' });
    const dry = await api.call('POST', `${podsOf('room')}?dryRun=All`, pod('c'));
    expect([dry.status, await used('room')]).toEqual([201, { pods: '1' }]);
    await api.call(
      'PATCH',
      `${podsOf('room')}/b/status`,
      { status: { phase: 'Succeeded' } },
      {
        headers: { 'content-type': 'application/merge-patch+json' },
      },
    );
    await eventually(async () => expect(await used('room')).toEqual({ pods: '0' }));
  });

  test('any kind is counted, those of definitions too; the quota may change', async () => {
    await namespace(api, 'kinds');
    const group = `${kind}.example.com`;
    await api.call(
      'POST',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      widgetDefinition(group),
    );
    const widgets = `/apis/${group}/v1/namespaces/kinds/widgets`;
    const widget = (name: string) => ({
      apiVersion: `${group}/v1`,
      kind: 'Widget',
      metadata: { name },
    });
    await eventually(async () => {
      expect((await api.call('POST', widgets, widget('a'))).status).toBe(201);
    });
    const counted = `count/widgets.${group}`;
    await api.call('POST', quotasOf('kinds'), quota({ [counted]: '1', configmaps: '1' }));
    const refused = await api.call('POST', widgets, widget('b'));
    expect(refused.body.message).toBe(
      `widgets.${group} "b" is forbidden: exceeded quota: q, requested: ${counted}=1, used: ${counted}=1, limited: ${counted}=1`,
    );
    await api.call('PUT', `${quotasOf('kinds')}/q`, quota({ [counted]: '2' }));
    expect((await api.call('POST', widgets, widget('b'))).status).toBe(201);
    await eventually(async () => expect(await used('kinds')).toEqual({ [counted]: '2' }));
    const path = '/api/v1/namespaces/kinds/configmaps';
    for (const name of ['a', 'b'])
      expect((await api.call('POST', path, configMap(name))).status).toBe(201);
    await api.call('DELETE', widgets);
    await eventually(async () => expect(await used('kinds')).toEqual({ [counted]: '0' }));
  });

  test('limits and defaults of containers come first, then the quota counts them', async () => {
    await namespace(api, 'limits');
    const limits = [{ type: 'Container', max: { cpu: '500m' }, defaultRequest: { cpu: '100m' } }];
    await api.call('POST', '/api/v1/namespaces/limits/limitranges', {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'l' },
      spec: { limits },
    });
    await api.call(
      'POST',
      quotasOf('limits'),
      quota({ 'requests.cpu': '150m', 'limits.cpu': '5' }),
    );
    await eventually(async () => {
      const tooMuch = await api.call(
        'POST',
        podsOf('limits'),
        pod('big', { limits: { cpu: '1' } }),
      );
      expect(tooMuch.body.message).toBe(
        'pods "big" is forbidden: maximum cpu usage per Container is 500m, but limit is 1',
      );
    });
    const { body } = await api.call('POST', podsOf('limits'), pod('p'));
    expect(body.metadata.annotations['kubernetes.io/limit-ranger']).toBe(
      'LimitRanger plugin set: cpu request for container c; cpu limit for container c',
    );
    expect(await used('limits')).toEqual({ 'limits.cpu': '500m', 'requests.cpu': '100m' });
    const second = await api.call('POST', podsOf('limits'), pod('p2'));
    expect(second.body.message).toContain(
      'exceeded quota: q, requested: requests.cpu=100m, used: requests.cpu=100m, limited: requests.cpu=150m',
    );
  });
});

describe.skipIf(kubectlBinary === undefined)('kubectl', () => {
  let api: TestApi;
  // Its cache of discovery is by port, and ports are used again.
  const home = mkdtempSync(join(tmpdir(), 'berth-kubectl-'));
  beforeAll(async () => {
    api = await startTestApi('embedded');
  });
  afterAll(async () => {
    await api?.stop();
    rmSync(home, { recursive: true });
  });

  const kubectl = async (args: string) => {
    const access = ['--server', api.url, '--token', adminToken, '--insecure-skip-tls-verify'];
    const { path = '' } = kubectlBinary ?? {};
    const options = { env: { ...process.env, HOME: home } };
    const { stdout } = await promisify(execFile)(path, [...args.split(' '), ...access], options);
    return stdout;
  };

  test('creates quotas, and describes them, limits and what a namespace has of both', async () => {
    await kubectl('create ns team');
    expect(await kubectl('-n team create quota q --hard=pods=2,requests.cpu=1')).toBe(
      'resourcequota/q created\n',
    );
    await api.call('POST', '/api/v1/namespaces/team/limitranges', {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'l' },
      spec: { limits: [{ type: 'Container', max: { cpu: '500m' } }] },
    });
    const made = await api.call('POST', podsOf('team'), pod('p', { requests: { cpu: '200m' } }));
    expect(made.status).toBe(201);
    expect(await kubectl('-n team describe quota q')).toMatchInlineSnapshot(`
      "Name:         q
      Namespace:    team
      Resource      Used  Hard
      --------      ----  ----
      pods          1     2
      requests.cpu  200m  1
      "
    `);
    expect(await kubectl('-n team describe limits l')).toMatchInlineSnapshot(`
      "Name:       l
      Namespace:  team
      Type        Resource  Min  Max   Default Request  Default Limit  Max Limit/Request Ratio
      ----        --------  ---  ---   ---------------  -------------  -----------------------
      Container   cpu       -    500m  500m             500m           -
      "
    `);
    expect(await kubectl('describe ns team')).toMatchInlineSnapshot(`
      "Name:         team
      Labels:       kubernetes.io/metadata.name=team
      Annotations:  <none>
      Status:       Active

      Resource Quotas
        Name:         q
        Resource      Used  Hard
        --------      ---   ---
        pods          1     2
        requests.cpu  200m  1

      Resource Limits
       Type       Resource  Min  Max   Default Request  Default Limit  Max Limit/Request Ratio
       ----       --------  ---  ---   ---------------  -------------  -----------------------
       Container  cpu       -    500m  500m             500m           -
      "
    `);
    expect(await kubectl('-n team get quota q --no-headers')).toMatch(
      /^q +pods: 1\/2, requests.cpu: 200m\/1 +\d+s\n$/,
    );
  });
});
