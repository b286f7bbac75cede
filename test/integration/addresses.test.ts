import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IPAddress, IPPool, IPReservation, Pod, VM } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { ipAddresses, ipPools, ipReservations, pods, vms } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { runAddresses } from '../../controllers/addresses/run.ts';
import { createInformers } from '../../controllers/kit/informers.ts';
import { runQuotas } from '../../controllers/quota/run.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import {
  eventually,
  signal,
  startTestApi,
  storeKinds,
  type TestApi,
} from '../harness/apiserver.ts';

const namespace = 'a';

/** As a server runs them, without the lease: two at once are what the lease is there to prevent. */
function startControllers({ client }: TestApi) {
  const stopped = new AbortController();
  const deps = { client, clock: systemClock, random: systemRandom, log: createLog('silent') };
  const informers = createInformers(deps);
  const shared = { ...deps, informers, signal: stopped.signal };
  const done = Promise.all([runAddresses(shared), runQuotas(shared)]);
  informers.start();
  return async () => {
    stopped.abort();
    await done;
    await informers.stop();
  };
}

describe.each(storeKinds)('on %s', (kind) => {
  let api: TestApi;
  let stopController: () => Promise<void>;
  let counter = 0;

  beforeAll(async () => {
    api = await startTestApi(kind);
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    await api.call('POST', '/api/v1/namespaces', body);
    stopController = startControllers(api);
  });
  afterAll(async () => {
    await stopController?.();
    await api?.stop();
  });

  /** A pool with that many addresses, from `.1` on, on a bridge of its own. */
  async function makePool(size: number, more: JsonObject = {}): Promise<string> {
    counter += 1;
    const name = `pool-${counter}`;
    const net = `10.${counter}.0`;
    const ranges = [{ first: `${net}.1`, last: `${net}.${size}` }];
    const spec = { cidr: `${net}.0/24`, bridge: `br${counter}`, ranges, ...more };
    const metadata = { name };
    await api.client.create<IPPool>(
      ipPools,
      { apiVersion: 'berth.dev/v1', kind: 'IPPool', metadata, spec },
      { signal },
    );
    return name;
  }

  const addressIn = (pool: string, last: number) => `10.${pool.split('-')[1]}.0.${last}`;
  const reserve = (name: string, pool: string, spec: Partial<IPReservation['spec']> = {}) =>
    api.client.create<IPReservation>(
      ipReservations,
      {
        apiVersion: 'berth.dev/v1',
        kind: 'IPReservation',
        metadata: { name, namespace },
        spec: { pool, ...spec },
      },
      { signal },
    );
  const get = (name: string) =>
    api.client.get<IPReservation>(ipReservations, { namespace, name }, { signal });
  const remove = (name: string) =>
    api.client.delete(ipReservations, { namespace, name }, { signal });
  const ready = ({ status }: IPReservation | IPPool) =>
    (status?.conditions ?? []).find(({ type }) => type === 'Ready');
  const claims = async (pool: string) =>
    (await api.client.list<IPAddress>(ipAddresses, { fieldSelector: `spec.pool=${pool}`, signal }))
      .items;
  const poolStatus = async (name: string) =>
    (await api.client.get<IPPool>(ipPools, { name }, { signal })).status;

  /** Waits until the reservation is as `check` expects. */
  async function until(name: string, check: (reservation: IPReservation) => void) {
    await eventually(async () => check(await get(name)));
  }
  const untilReason = (name: string, reason: string) =>
    until(name, (each) => expect(ready(each)?.reason).toBe(reason));
  const untilGone = (name: string) =>
    eventually(async () => {
      await expect(get(name)).rejects.toMatchObject({ reason: 'NotFound' });
    });

  const makePod = (name: string, reservation: string) =>
    api.client.create<Pod>(
      pods,
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace, annotations: { 'berth.dev/ip-reservation': reservation } },
        spec: { containers: [{ name: 'c', image: 'web' }] },
      },
      { signal },
    );
  const makeVm = (name: string, interfaces: VM['spec']['interfaces'], within = namespace) =>
    api.client.create<VM>(
      vms,
      {
        apiVersion: 'berth.dev/v1',
        kind: 'VM',
        metadata: { name, namespace: within },
        spec: {
          resources: { requests: { memory: '1Gi' } },
          boot: { kernel: '/k' },
          interfaces: interfaces ?? [],
        },
      },
      { signal },
    );
  const kill = (resource: typeof pods, name: string) =>
    api.client.delete(resource, { namespace, name }, { gracePeriodSeconds: 0, signal });

  test('a reservation has an address, and gives it back when it is deleted', async () => {
    const pool = await makePool(3);
    await reserve('first', pool);
    await until('first', ({ status }) =>
      expect(status).toMatchObject({
        address: addressIn(pool, 1),
        mac: expect.stringMatching(/^02:be:0a:[0-9a-f]{2}:00:01$/),
      }),
    );
    expect(await claims(pool)).toMatchObject([{ spec: { reservation: { name: 'first' } } }]);
    await eventually(async () =>
      expect(await poolStatus(pool)).toMatchObject({ capacity: 3, allocated: 1, free: 2 }),
    );
    await remove('first');
    await untilGone('first');
    expect(await claims(pool)).toEqual([]);
    await eventually(async () => expect(await poolStatus(pool)).toMatchObject({ free: 3 }));
  });

  test('a wanted address is given, or it is said who has it, until it is free', async () => {
    const pool = await makePool(9);
    const address = addressIn(pool, 7);
    await reserve('wants', pool, { address });
    await until('wants', ({ status }) => expect(status?.address).toBe(address));
    await reserve('wants-too', pool, { address });
    await until('wants-too', (each) =>
      expect(ready(each)).toMatchObject({
        reason: 'AddressTaken',
        message: `${address} is held by ipreservation a/wants`,
      }),
    );
    await reserve('wants-else', pool, { address: addressIn(pool, 77) });
    await untilReason('wants-else', 'AddressNotInPool');
    await remove('wants');
    await until('wants-too', ({ status }) => expect(status?.address).toBe(address));
  });

  test('what waits for a pool or for room in it has an address as soon as there is one', async () => {
    await reserve('early', `pool-${counter + 1}`);
    await untilReason('early', 'PoolNotFound');
    const pool = await makePool(1);
    await until('early', ({ status }) => expect(status?.address).toBe(addressIn(pool, 1)));
    await reserve('late', pool);
    await until('late', (each) =>
      expect(ready(each)).toMatchObject({
        reason: 'PoolFull',
        message: `all 1 addresses of ippool "${pool}" are taken`,
      }),
    );
    await remove('early');
    await until('late', ({ status }) => expect(status?.address).toBe(addressIn(pool, 1)));
  });

  test('a pool that shrinks takes nothing away; one that is deleted waits', async () => {
    const pool = await makePool(5);
    await reserve('stays', pool, { address: addressIn(pool, 5) });
    await until('stays', ({ status }) => expect(status?.address).toBeDefined());
    const ranges = [{ first: addressIn(pool, 1), last: addressIn(pool, 2) }];
    await api.client.patch(ipPools, { name: pool }, { spec: { ranges } }, { signal });
    await eventually(async () => {
      const status = await poolStatus(pool);
      expect(status).toMatchObject({ capacity: 2, allocated: 1, free: 2 });
      const outside = status?.conditions?.find(({ type }) => type === 'OutsideRanges');
      expect(outside?.message).toContain(`${addressIn(pool, 5)} (a/stays)`);
    });
    expect((await get('stays')).status?.address).toBe(addressIn(pool, 5));
    await api.client.delete(ipPools, { name: pool }, { signal });
    await reserve('comes-late', pool);
    await untilReason('comes-late', 'PoolDeleting');
    await remove('stays');
    await eventually(async () => {
      await expect(poolStatus(pool)).rejects.toMatchObject({ reason: 'NotFound' });
    });
  });

  test('two pools with the same addresses on one bridge: the younger gives out none', async () => {
    const pool = await makePool(5);
    const twin = await makePool(5, {
      cidr: addressIn(pool, 0).concat('/24'),
      bridge: `br${counter}`,
      ranges: [{ first: addressIn(pool, 5), last: addressIn(pool, 9) }],
    });
    await reserve('of-twin', twin);
    await untilReason('of-twin', 'PoolOverlaps');
    const ranges = [{ first: addressIn(pool, 6), last: addressIn(pool, 9) }];
    await api.client.patch(ipPools, { name: twin }, { spec: { ranges } }, { signal });
    await until('of-twin', ({ status }) => expect(status?.address).toBe(addressIn(pool, 6)));
    // What the younger has given away is not the older's, also where it is among its addresses now.
    const wider = [{ first: addressIn(pool, 6), last: addressIn(pool, 7) }];
    await api.client.patch(ipPools, { name: pool }, { spec: { ranges: wider } }, { signal });
    await eventually(async () => expect(await poolStatus(pool)).toMatchObject({ free: 1 }));
    await reserve('of-older', pool, { address: addressIn(pool, 6) });
    await until('of-older', (each) =>
      expect(ready(each)?.message).toBe(`${addressIn(pool, 6)} is held by ipreservation a/of-twin`),
    );
    await reserve('any-of-older', pool);
    await until('any-of-older', ({ status }) => expect(status?.address).toBe(addressIn(pool, 7)));
    await remove('of-twin');
    await until('of-older', ({ status }) => expect(status?.address).toBe(addressIn(pool, 6)));
  });

  test('an address passes from a pod to another, and to a machine, one at a time', async () => {
    const pool = await makePool(3);
    await reserve('moves', pool);
    const pod = await makePod('holder', 'moves');
    const held = (kind: string, name: string) =>
      until('moves', ({ status }) => expect(status?.holder).toMatchObject({ kind, name }));
    await held('Pod', 'holder');
    await makePod('second', 'moves');
    await makeVm('third', [{ reservation: 'moves' }]);
    const binding = { target: { kind: 'Node', name: 'n1' } };
    await api.call('POST', `/api/v1/namespaces/a/pods/holder/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'holder' },
      ...binding,
    });
    await until('moves', ({ status }) =>
      expect(status?.holder).toEqual({
        kind: 'Pod',
        name: 'holder',
        uid: pod.metadata.uid,
        node: 'n1',
      }),
    );
    // While it is told to go it still has it.
    await api.client.delete(pods, { namespace, name: 'holder' }, { signal });
    await api.client.patch(
      pods,
      { namespace, name: 'holder' },
      { status: { phase: 'Running' } },
      { subresource: 'status', signal },
    );
    await held('Pod', 'holder');
    await kill(pods, 'holder');
    await held('Pod', 'second');
    expect((await get('moves')).status?.holder).not.toHaveProperty('node');
    // One that has ended for good does not need it any more.
    await api.client.patch(
      pods,
      { namespace, name: 'second' },
      { status: { phase: 'Failed' } },
      { subresource: 'status', signal },
    );
    await held('VM', 'third');
    const { address } = (await get('moves')).status ?? {};
    await kill(vms, 'third');
    await until('moves', ({ status }) => expect(status?.holder).toBeUndefined());
    expect((await get('moves')).status?.address).toBe(address);
  });

  test('a reservation that is deleted has its address until its holder is gone', async () => {
    const pool = await makePool(1);
    await reserve('doomed', pool);
    await makePod('last', 'doomed');
    await until('doomed', ({ status }) => expect(status?.holder?.name).toBe('last'));
    await remove('doomed');
    await until('doomed', (each) =>
      expect(ready(each)).toMatchObject({
        reason: 'InUse',
        message: 'is being deleted, and goes when Pod "last" is gone',
      }),
    );
    expect(await claims(pool)).toHaveLength(1);
    await kill(pods, 'last');
    await untilGone('doomed');
    expect(await claims(pool)).toEqual([]);
  });

  test('interfaces that name a pool have reservations made, which go with the machine', async () => {
    const pool = await makePool(5);
    await reserve('box-1', pool);
    await makeVm('box', [{ pool }, { pool }]);
    for (const name of ['box', 'box-1'])
      await until(name, ({ status }) => {
        expect(status?.address).toBeDefined();
        expect(status?.holder).toMatchObject({ kind: 'VM', name: 'box' });
      });
    // What was made for it is nobody else's.
    await makePod('envious', 'box');
    await kill(vms, 'box');
    await untilGone('box');
    // The one that somebody made stays.
    await until('box-1', ({ status }) => expect(status?.holder).toBeUndefined());
    await kill(pods, 'envious');
  });

  test('a quota on reservations counts those that are made for machines, too', async () => {
    const pool = await makePool(5);
    const metadata = { name: 'small' };
    await api.call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata });
    const hard = { 'count/ipreservations.berth.dev': '1' };
    const quotas = '/api/v1/namespaces/small/resourcequotas';
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'q' },
      spec: { hard },
    };
    await api.call('POST', quotas, quota);
    await eventually(async () => {
      const { body } = await api.call('GET', `${quotas}/q`);
      expect(body.status?.used).toEqual({ 'count/ipreservations.berth.dev': '0' });
    });
    await makeVm('twin', [{ pool }, { pool }], 'small');
    await eventually(async () => {
      const { body } = await api.call('GET', '/api/v1/namespaces/small/events');
      const messages = body.items.map(({ message }: { message: string }) => message);
      expect(messages).toContainEqual(expect.stringMatching(/twin-1: .*exceeded quota: q/));
    });
    const made = await api.client.list(ipReservations, { namespace: 'small', signal });
    expect(made.items.map(({ metadata: { name } }) => name)).toEqual(['twin']);
  });

  test('with policy WithHolder it goes when the last that names it is gone', async () => {
    const pool = await makePool(1);
    await reserve('goes', pool, { releasePolicy: 'WithHolder' });
    await makePod('one', 'goes');
    await until('goes', ({ status }) => expect(status?.holder?.name).toBe('one'));
    await makePod('two', 'goes');
    await kill(pods, 'one');
    await until('goes', ({ status }) => expect(status?.holder?.name).toBe('two'));
    await kill(pods, 'two');
    await untilGone('goes');
  });

  test('a claim whose reservation is gone is taken back', async () => {
    const pool = await makePool(2);
    const name = `${pool}.${addressIn(pool, 1).replaceAll('.', '-')}`;
    const reservation = { namespace, name: 'never', uid: 'was-there-once' };
    const spec = { pool, address: addressIn(pool, 1), reservation };
    const claim: IPAddress = {
      apiVersion: 'berth.dev/v1',
      kind: 'IPAddress',
      metadata: { name },
      spec,
    };
    await api.client.create<IPAddress>(ipAddresses, claim, { signal });
    await eventually(async () => expect(await claims(pool)).toEqual([]));
  });

  test('two controllers at once: every address has one owner, and the last one goes to one', async () => {
    const other = await api.again();
    const stopOther = startControllers(other);
    try {
      const pool = await makePool(20);
      const names = Array.from({ length: 25 }, (_, index) => `race-${index}`);
      await Promise.all(names.map((name) => reserve(name, pool)));
      await eventually(async () => {
        const options = { namespace, fieldSelector: `spec.pool=${pool}`, signal };
        const all = (await api.client.list<IPReservation>(ipReservations, options)).items;
        const have = all.flatMap(({ status }) => status?.address ?? []);
        expect(have).toHaveLength(20);
        expect(new Set(have).size).toBe(20);
        const full = all.filter((each) => ready(each)?.reason === 'PoolFull');
        expect(full).toHaveLength(5);
        // Also what was claimed twice has been given back.
        const owners = new Map((await claims(pool)).map(({ spec }) => [spec.address, spec]));
        expect(owners.size).toBe(20);
        for (const { metadata, status } of all)
          if (status?.address !== undefined)
            expect(owners.get(status.address)?.reservation.uid).toBe(metadata.uid);
      }, 120_000);
    } finally {
      await stopOther();
    }
  }, 90_000);

  test('an address that is taken is no address of another, whoever asks', async () => {
    const pool = await makePool(2);
    await reserve('owner', pool);
    await until('owner', ({ status }) => expect(status?.address).toBeDefined());
    const [claim] = await claims(pool);
    if (claim === undefined) throw new Error('no claim');
    const { apiVersion, kind, metadata, spec } = claim;
    const again = { apiVersion, kind, metadata: { name: metadata.name ?? '' }, spec };
    const error = await api.client.create(ipAddresses, again, { signal }).catch((e: unknown) => e);
    expect(hasReason(error, 'AlreadyExists')).toBe(true);
  });
});
