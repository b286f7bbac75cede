import { expect, test } from 'vitest';
import { StatusError } from '../api/status.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { seededRandom } from '../lib/random.ts';
import { FakeApi, kind } from '../test/harness/fake-api.ts';
import type { Client } from './client.ts';
import { type LeaseTerm, runWithLease } from './lease.ts';

const leases = kind('coordination.k8s.io', 'v1', 'Lease');

function setup() {
  const clock = new FakeClock();
  const api = new FakeApi({ clock, random: seededRandom(1) });
  const holders = new Set<string>();
  const history: string[] = [];
  let overlaps = 0;

  function candidate(identity: string, client: Client = api) {
    const stop = new AbortController();
    const terms: LeaseTerm[] = [];
    const done = runWithLease(
      {
        client,
        name: 'boss',
        namespace: 'kube-system',
        identity,
        clock,
        signal: stop.signal,
        log: silentLog,
      },
      async (signal, term) => {
        terms.push(term);
        holders.add(identity);
        history.push(identity);
        if (holders.size > 1) overlaps += 1;
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
        holders.delete(identity);
      },
    );
    return { stop: () => stop.abort(new Error('stop')), done, terms };
  }
  return { clock, api, holders, history, candidate, overlaps: () => overlaps };
}

/** A client that can be cut off from the api: its calls hang, as behind a dead link. */
function cuttable(api: FakeApi): { client: Client; cut: () => void; heal: () => void } {
  let isCut = false;
  const client = new Proxy(api, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (!isCut) return value.apply(target, args);
        const { signal } = args.at(-1) as { signal: AbortSignal };
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      };
    },
  });
  return {
    client,
    cut: () => {
      isCut = true;
    },
    heal: () => {
      isCut = false;
    },
  };
}

test('one of two holds it; released, the other takes it within a retry', async () => {
  const { clock, holders, candidate, overlaps } = setup();
  const a = candidate('a');
  await clock.advance(0);
  const b = candidate('b');
  await clock.advance(60_000);
  expect([...holders]).toEqual(['a']);
  a.stop();
  await clock.advance(0);
  await a.done;
  await clock.advance(4_000);
  expect([...holders]).toEqual(['b']);
  expect(b.terms[0]?.transitions).toBeGreaterThan(a.terms[0]?.transitions ?? 99);
  b.stop();
  await clock.advance(0);
  await b.done;
  expect(overlaps()).toBe(0);
});

test('a holder that is cut off stops before another takes over, and never both hold', async () => {
  const { clock, api, holders, history, candidate, overlaps } = setup();
  const link = cuttable(api);
  const a = candidate('a', link.client);
  await clock.advance(0);
  const b = candidate('b');
  await clock.advance(5_000);
  link.cut();
  let aStoppedMs = 0;
  let bStartedMs = 0;
  for (let ms = 0; ms < 40_000; ms += 250) {
    await clock.advance(250);
    if (aStoppedMs === 0 && !holders.has('a')) aStoppedMs = clock.now();
    if (bStartedMs === 0 && holders.has('b')) bStartedMs = clock.now();
  }
  expect(aStoppedMs).toBeGreaterThan(0);
  expect(bStartedMs).toBeGreaterThan(aStoppedMs);
  expect(a.terms[0]?.held()).toBe(false);
  link.heal();
  await clock.advance(60_000);
  expect(history).toEqual(['a', 'b']);
  a.stop();
  b.stop();
  await clock.advance(0);
  await Promise.all([a.done, b.done]);
  expect(overlaps()).toBe(0);
});

test('a short outage changes nothing', async () => {
  const { clock, api, history, candidate } = setup();
  const a = candidate('a');
  await clock.advance(10_000);
  api.before = () => {
    throw new StatusError(503, 'ServiceUnavailable', 'away');
  };
  await clock.advance(6_000);
  api.before = () => {};
  await clock.advance(60_000);
  expect(history).toEqual(['a']);
  expect(a.terms[0]?.held()).toBe(true);
  a.stop();
  await clock.advance(0);
  await a.done;
  const lease = api.peek(leases, 'kube-system/boss') as { spec?: { holderIdentity?: string } };
  expect(lease.spec?.holderIdentity).toBe('');
});

test('what run throws comes out, and the lease is free again', async () => {
  const { clock, api } = setup();
  const options = {
    client: api,
    name: 'boss',
    namespace: 'kube-system',
    identity: 'a',
    clock,
    signal: new AbortController().signal,
    log: silentLog,
  };
  await expect(
    runWithLease(options, async () => {
      throw new Error('bug');
    }),
  ).rejects.toThrow('bug');
  let ran = false;
  await runWithLease({ ...options, identity: 'b' }, async () => {
    ran = true;
  });
  expect(ran).toBe(true);
});

test('renewing writes without reading; overtaken by another write of the lease, it reads once', async () => {
  const { clock, api, history, candidate } = setup();
  const calls: string[] = [];
  const a = candidate('a');
  await clock.advance(0);
  api.before = ({ verb }) => {
    calls.push(verb);
  };
  await clock.advance(10_000);
  expect(calls.length).toBeGreaterThanOrEqual(4);
  expect(new Set(calls)).toEqual(new Set(['update']));
  const lease = api.peek(leases, 'kube-system/boss');
  api.before = () => {};
  const { signal } = new AbortController();
  await api.update(
    leases,
    { ...lease, metadata: { ...lease?.metadata, labels: { by: 'hand' } } } as never,
    { signal },
  );
  calls.length = 0;
  api.before = ({ verb }) => {
    calls.push(verb);
  };
  await clock.advance(4_000);
  expect(calls.slice(0, 3)).toEqual(['update', 'get', 'update']);
  expect(calls.filter((verb) => verb === 'get')).toHaveLength(1);
  expect(history).toEqual(['a']);
  a.stop();
  await clock.advance(0);
  await a.done;
});
