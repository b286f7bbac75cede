/** Whatever is sent to the API is answered, or refused; it never crashes, hangs, grows or fails. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '../../client/client.ts';
import { createHttpsTransport } from '../../client/https-transport.ts';
import { createClient } from '../../client/rest-client.ts';
import { systemClock } from '../../lib/clock.ts';
import { namespacesOfFuzz, type Target, type WrongRequest, wrongRequest } from './http-requests.ts';
import { type Ending, Sender } from './http-sender.ts';
import { Dice, seedsOf, soak, withSeed } from './runs.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';

const title = 'fuzz of the API';
const rounds = soak ? 50 : 4;
const requestsPerRound = soak ? 2_000 : 500;
/** After so many, caches are full and code is compiled. */
const warmRounds = soak ? 25 : 3;
/** At once; more would only wait for each other. */
const lanes = 8;
const timeoutMs = soak ? 7_200_000 : 240_000;
/**
 * What may be held more at the end than then: some 180 bytes a request, most of them the history of changes, which has room for
 * 2,000 or 16 MiB of each kind.
 */
const heapGrowthMaxBytes = 16 << 20;
const rssGrowthMaxBytes = 160 << 20;

/**
 * Where kube-apiserver 1.36 is recorded to answer 5xx itself (conformance scenarios: apply-defaults,
 * apply-list-set, concurrency-custom, crud-too-large, list-versions, patch-strategic-lists, pods-life,
 * scale-subresource, watch-end), and where nobody is there to ask.
 */
const recorded: readonly (readonly [why: string, text: RegExp])[] = [
  ['an apply that does not fit the schema', /failed to create typed (patch|live) object/],
  ['an apply over managedFields that are damaged', /failed to decode managed fields/],
  ['a version on an object to be created', /resourceVersion should not be set on objects/],
  ['a version that is no number', /strconv\.ParseUint: parsing/],
  ['a version from the future', /Too large resource version/],
  ['a scale without replicas', /the spec replicas field .* does not exist/],
  ['a list item without its merge key', /does not contain declared merge key/],
  ['a strategic patch that names an impossible change', /\$(patch|retainKeys|setElementOrder)/],
  ['an object beyond the store', /request is too large/],
  ['a binding to no node', /target\.name: Required value/],
  ['a node without an agent', /has not said where its agent listens|agent at .* cannot be reached/],
];

let server: ServerProcess;
let sender: Sender;
let client: Client;
let close = () => {};

beforeAll(async () => {
  server = await startServerProcess();
  sender = new Sender(server.port, server.connection);
  const transport = createHttpsTransport(server.connection);
  client = createClient(transport, { userAgent: 'fuzz', clock: systemClock });
  close = () => transport.close();
}, 120_000);

afterAll(async () => {
  sender?.close();
  close();
  await server?.stop();
});

test(title, { timeout: timeoutMs }, async () => {
  const targets = await discover();
  expect(targets.length).toBeGreaterThan(30);
  for (const seed of seedsOf(title)) {
    await withSeed(title, seed, () => fuzz(seed, targets));
  }
});

async function fuzz(seed: number, targets: readonly Target[]): Promise<void> {
  const dice = new Dice(seed);
  const seen = new Map<number, number>();
  let early: { heapBytes: number; rssBytes: number } | undefined;
  for (let round = 0; round < rounds; round += 1) {
    await makeNamespace();
    const requests = Array.from({ length: requestsPerRound }, () => wrongRequest(targets, dice));
    await sendAll(requests, seen);
    await clear(targets);
    if (round + 1 === warmRounds) early = await server.memory();
    if (soak) {
      const count = (round + 1) * requestsPerRound;
      console.log(`${title}: ${count} requests`, await server.memory());
    }
  }
  const late = await server.memory();
  // What was sent reached every part of the way: done, refused by rule, not found, not understood.
  for (const status of [200, 201, 400, 404, 415, 422]) {
    expect(seen.get(status) ?? 0, `answers ${status}`).toBeGreaterThan(rounds);
  }
  expect(late.heapBytes - (early?.heapBytes ?? 0), 'growth of the heap').toBeLessThan(
    heapGrowthMaxBytes,
  );
  expect(late.rssBytes - (early?.rssBytes ?? 0), 'growth of the process').toBeLessThan(
    rssGrowthMaxBytes,
  );
  const broken = server.log().filter((line) => /programmer error|outside the pipeline/.test(line));
  expect(broken).toEqual([]);
  if (soak) console.log(title, Object.fromEntries(seen), { early, late });
}

/** Goes on after a wrong answer, and tells the first few of them together. */
async function sendAll(requests: readonly WrongRequest[], seen: Map<number, number>) {
  const waiting = [...requests];
  const wrong: string[] = [];
  const lane = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const ending = await sender.send(next).catch((error) => {
        throw new Error(`${error.message}: ${shown(next)}`);
      });
      seen.set(ending.status, (seen.get(ending.status) ?? 0) + 1);
      const why = complaint(next, ending);
      if (why !== undefined) wrong.push(why);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  if (wrong.length > 0) throw new Error(`${wrong.length}:\n${wrong.slice(0, 8).join('\n\n')}`);
}

function complaint(request: WrongRequest, { status, text }: Ending): string | undefined {
  const end = server.ended();
  if (end !== undefined) {
    throw new Error(`${end} at ${shown(request)}\n${server.log().slice(-5).join('\n')}`);
  }
  if (status < 500 || recorded.some(([, pattern]) => pattern.test(text))) return undefined;
  return `${status} ${text.slice(0, 1_000)}\nfor ${shown(request)}`;
}

function shown({ method, path, headers, body, manner }: WrongRequest): string {
  const text = body?.toString('utf8') ?? '';
  const cut = text.length > 2_000 ? `${text.slice(0, 2_000)}… (${text.length})` : text;
  return `${manner} ${method} ${path.slice(0, 300)} ${JSON.stringify(headers).slice(0, 400)}\n${cut}`;
}

interface ResourceList {
  readonly resources: readonly { name: string; kind: string; namespaced: boolean }[];
}

async function discover(): Promise<readonly Target[]> {
  const never = { signal: new AbortController().signal };
  const { groups } = await client.read<{
    groups: readonly { preferredVersion: { groupVersion: string } }[];
  }>('/apis', never);
  const bases = [
    '/api/v1',
    ...groups.map((group) => `/apis/${group.preferredVersion.groupVersion}`),
  ];
  const lists = await Promise.all(
    bases.map(async (base) => ({ base, ...(await client.read<ResourceList>(base, never)) })),
  );
  return lists.flatMap(({ base, resources }) =>
    resources.map(({ name, kind, namespaced }) => ({ base, resource: name, kind, namespaced })),
  );
}

async function makeNamespace(): Promise<void> {
  await ask('POST', '/api/v1/namespaces', { metadata: { name: 'fuzz' } });
}

/** Nothing of a round is there in the next: what grows then is not what was stored. */
async function clear(targets: readonly Target[]): Promise<void> {
  await ask(
    'DELETE',
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com',
  );
  const own = targets.filter(
    ({ resource, base }) => !resource.includes('/') && !isOwn(base, resource),
  );
  for (const { base, resource, namespaced } of own) {
    const where = namespaced ? namespacesOfFuzz.map((name) => `/namespaces/${name}`) : [''];
    for (const namespace of where) {
      await ask('DELETE', `${base}${namespace}/${resource}?gracePeriodSeconds=0`);
    }
  }
}

/** What the server needs itself. */
function isOwn(base: string, resource: string): boolean {
  return (
    base.includes('rbac') || ['namespaces', 'nodes', 'customresourcedefinitions'].includes(resource)
  );
}

async function ask(method: string, path: string, body?: object): Promise<Ending> {
  const headers = { 'content-type': 'application/json' };
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return sender.send({ method, path, headers, body: bytes, manner: 'http1' });
}
