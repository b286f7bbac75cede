/** Two servers on one etcd lose a member and then a server; nobody but time is lost, and nobody rules twice. */
import { afterEach, expect, test, vi } from 'vitest';
import type { Lease, Pod, Workload } from '../../api/kinds.gen.ts';
import { leases, pods, workloads } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import { until } from '../e2e/until.ts';
import { RecordedClient } from './recorded-client.ts';
import { Dice, seedsOf, soak, withSeed } from './runs.ts';
import { type AuditedWrite, TwoServers } from './two-servers.ts';

vi.setConfig({ testTimeout: soak ? 1_200_000 : 180_000, hookTimeout: 60_000 });

const name = 'two servers';
const rounds = soak ? 10 : 1;
const { signal } = new AbortController();
const singletons = ['system:berth:controllers', 'system:berth:scheduler'];

let plane: TwoServers | undefined;
afterEach(async () => {
  await plane?.remove();
  plane = undefined;
});

test(name, async () => {
  for (const first of seedsOf(name)) {
    for (let seed = first; seed < first + rounds; seed += 1) {
      await withSeed(name, seed, () => once(new Dice(seed)));
    }
  }
});

async function once(dice: Dice): Promise<void> {
  plane = await TwoServers.start();
  const { client } = plane;
  const recorded = new RecordedClient(client);
  await recorded.start(4);
  await client.create<Workload>(workloads, workload(), { signal });
  await untilPods(client, 3);
  const holder = await holderOf(client);

  const victim = dice.pick(plane.members);
  await victim.kill();
  await scale(client, 5);
  await untilPods(client, 5);

  // The server whose controllers are at work.
  const ruling = serverOf(plane.writes(), holder);
  await plane.kill(ruling);
  await scale(client, 2);
  await untilPods(client, 2);
  expect(await holderOf(client)).not.toBe(holder);
  await victim.start();
  await scale(client, 4);
  await untilPods(client, 4);

  const stored = await recorded.stop();
  checkRecord(recorded, stored);
  for (const username of singletons) checkReign(plane.writes(), username, ruling);
  await plane.remove();
  plane = undefined;
}

/** Every promise was kept, and the watch told each of them in order, and once unless it was resumed. */
function checkRecord(recorded: RecordedClient, stored: ReadonlyMap<string, string>): void {
  const { seen, acknowledged, retries } = recorded;
  expect(retries, 'the faults were not felt').toBeGreaterThan(0);
  const revisions = seen.map(({ revision }) => revision);
  const sorted = [...revisions].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  expect(revisions, 'told out of order').toEqual(sorted);
  // Writes may share a revision, and who goes on from it is told most of them again; one watch tells each once.
  const times = seen.map(({ watch, revision, name }) => `${watch} ${revision} ${name}`);
  expect(new Set(times).size, 'told twice').toBe(times.length);
  const told = new Map(seen.map((each) => [`${each.name}=${each.value}`, each.revision]));
  const end = revisions.at(-1) ?? 0n;
  const lost = [...acknowledged].filter(
    ([what, revision]) => revision <= end && told.get(what) !== revision,
  );
  expect(lost, 'acknowledged, and not told by the watch').toEqual([]);
  for (const [what] of acknowledged) {
    const [object = '', value] = what.split('=');
    expect(Number(stored.get(object)), `${object} went back`).toBeGreaterThanOrEqual(Number(value));
  }
  // Each object was counted up without a gap: no update was lost to another.
  for (const object of stored.keys()) {
    const own = seen.filter((each) => each.name === object);
    const values = own
      .filter((each, i) => each.revision !== own[i - 1]?.revision)
      .map(({ value }) => Number(value));
    expect(values).toEqual(values.map((_, i) => i + 1));
  }
}

/** Ordered by what they wrote, one server's writes end before the other's begin. */
function checkReign(writes: readonly AuditedWrite[], username: string, fallen: number): void {
  const servers = madeBy(writes)
    .filter((write) => write.username === username)
    .filter(({ resource }) => resource !== 'leases' && resource !== 'events')
    .map(({ server }) => server);
  const changes = servers.filter((server, i) => i > 0 && server !== servers[i - 1]).length;
  expect(new Set(servers), `${username} wrote on one server only`).toEqual(new Set([0, 1]));
  expect([servers[0], changes], `${username} wrote on both at once`).toEqual([fallen, 1]);
}

/** In the order of their revisions; an answer that shows somebody else's write is not one. */
function madeBy(writes: readonly AuditedWrite[]): readonly AuditedWrite[] {
  const first = new Map<string, AuditedWrite & { readonly revision: bigint }>();
  for (const { revision, ...write } of writes) {
    if (revision === undefined) continue;
    // Writes of several objects may share a revision.
    const place = `${revision} ${write.resource} ${write.name}`;
    const known = first.get(place);
    if (known === undefined || write.receivedAt < known.receivedAt) {
      first.set(place, { ...write, revision });
    }
  }
  return [...first.values()].sort((a, b) => (a.revision < b.revision ? -1 : 1));
}

function serverOf(writes: readonly AuditedWrite[], holder: string): number {
  const write = writes.find((each) => each.resource === 'leases' && each.holder === holder);
  if (write === undefined) throw new Error(`nobody recorded the lease of ${holder}`);
  return write.server;
}

async function holderOf(client: Client): Promise<string> {
  const key = { namespace: 'kube-system', name: 'berth-controllers' };
  const lease = await client.get<Lease>(leases, key, { signal });
  return lease.spec?.holderIdentity ?? '';
}

function workload(): Workload {
  const labels = { app: 'two' };
  return {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { name: 'two', namespace: 'default' },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'app:1' }] } },
    },
  };
}

async function scale(client: Client, replicas: number): Promise<void> {
  const key = { namespace: 'default', name: 'two' };
  await until('the workload is scaled', () =>
    client.patch(workloads, key, { spec: { replicas } }, { signal }).then(
      () => true,
      () => false,
    ),
  );
}

/** So many pods, each of which the scheduler has looked at. */
async function untilPods(client: Client, count: number): Promise<void> {
  await until(`${count} pods that the scheduler has judged`, async () => {
    const options = { namespace: 'default', labelSelector: 'app=two', signal };
    const found = await client.list<Pod>(pods, options).catch(() => undefined);
    const items = found?.items ?? [];
    const judged = items.filter(({ status }) =>
      status?.conditions?.some(({ type }) => type === 'PodScheduled'),
    );
    return items.length === count && judged.length === count;
  });
}
