import { createSocket } from 'node:dgram';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packet from 'dns-packet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Pod } from '../../../api/kinds.gen.ts';
import { systemClock } from '../../../lib/clock.ts';
import { silentLog } from '../../../lib/log.ts';
import type { Known } from '../zone.ts';
import { KeeperLink } from './keeper-link.ts';
import { runNameKeeper } from './name-keeper.ts';
import { ownNames } from './own-names.ts';

const local = '127.0.0.1';
let dir: string;
let port: number;
let stops: AbortController[];
let keepers: Promise<void>[];
let asked: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'berth-names-'));
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, local, resolve));
  port = socket.address().port;
  await new Promise<void>((resolve) => socket.close(resolve));
  [stops, keepers, asked] = [[], [], []];
});

afterEach(async () => {
  for (const stop of stops) stop.abort();
  await Promise.all(keepers);
  await rm(dir, { recursive: true, force: true });
});

function startKeeper(build: string, takesOver = false): AbortController {
  const stop = new AbortController();
  stops.push(stop);
  const [socketPath, tablePath] = [join(dir, 'names.sock'), join(dir, 'names.json')];
  const common = { clock: systemClock, log: silentLog, signal: stop.signal, port };
  keepers.push(runNameKeeper({ socketPath, tablePath, build, takesOver, ...common }));
  return stop;
}

/** An agent's end; `killed` = its connection ends, and it says nothing more. */
function startAgent(build: string, tell: (key: string) => Known) {
  const stop = new AbortController();
  stops.push(stop);
  const started: string[] = [];
  const link = new KeeperLink({
    program: {
      socketPath: join(dir, 'names.sock'),
      build,
      start: (takesOver) => {
        started.push(build);
        startKeeper(build, takesOver);
      },
    },
    find: async (namespace, name) => {
      asked.push(`${namespace}/${name}`);
      return tell(`${namespace}/${name}`);
    },
    clock: systemClock,
    log: silentLog,
  });
  link.setPlaces([{ address: local, upstream: [] }]);
  keepers.push(link.run(stop));
  return { link, stop, started };
}

async function resolved(name: string): Promise<readonly string[] | string> {
  const socket = createSocket('udp4');
  const query = packet.encode({ type: 'query', id: 9, questions: [{ type: 'A', name }] });
  try {
    const { answers = [], rcode } = await new Promise<packet.DecodedPacket & { rcode: string }>(
      (resolve, reject) => {
        socket.on('error', reject);
        socket.on('message', (answer) => resolve(packet.decode(answer) as never));
        socket.connect(port, local, () => socket.send(query));
      },
    );
    if (rcode !== 'NOERROR') return rcode;
    return answers.flatMap((answer) => (answer.type === 'A' ? answer.data : []));
  } finally {
    socket.close();
  }
}

const pod = (name: string, ip: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'shop', name },
  spec: { containers: [] },
  status: { phase: 'Running', podIPs: [{ ip }] },
});

const world: Readonly<Record<string, Known>> = {
  'shop/db': { type: 'found', addresses: ['10.0.0.5'] },
  'shop/gone': { type: 'absent' },
};

test('names are answered on when the agent has gone, and from the file by the next keeper', async () => {
  const agent = startAgent('1', (key) => world[key] ?? { type: 'unknown' });
  agent.link.setOwn(ownNames([pod('web', '10.0.0.7')]), []);
  await expect.poll(() => agent.link.stateOf(local)).toBe('serving');
  expect(await resolved('db.shop.berth')).toEqual(['10.0.0.5']);
  expect(await resolved('gone.shop.berth')).toBe('NXDOMAIN');
  // What the plane cannot tell now the node knows by itself.
  expect(await resolved('web.shop.berth')).toEqual(['10.0.0.7']);
  expect(await resolved('none.shop.berth')).toBe('SERVFAIL');
  agent.stop.abort();
  await expect
    .poll(async () => {
      asked = [];
      const answer = await resolved('db.shop.berth');
      return { answer, asked };
    })
    .toEqual({ answer: ['10.0.0.5'], asked: [] });
  await expect.poll(async () => readFile(join(dir, 'names.json'), 'utf8')).toContain('10.0.0.7');
  stops[1]?.abort();
  await keepers[1];
  await expect(resolved('db.shop.berth')).rejects.toThrow('ECONNREFUSED');
  startKeeper('1');
  await expect.poll(() => resolved('web.shop.berth').catch(String)).toEqual(['10.0.0.7']);
  expect(await resolved('db.shop.berth')).toEqual(['10.0.0.5']);
});

test('the next agent goes on with the keeper that is there, and replaces one of another build', async () => {
  const first = startAgent('1', () => ({ type: 'unknown' }));
  first.link.setOwn(ownNames([pod('web', '10.0.0.7')]), []);
  await expect.poll(() => first.link.stateOf(local)).toBe('serving');
  first.stop.abort();
  const second = startAgent('1', () => ({ type: 'unknown' }));
  await expect.poll(() => second.link.stateOf(local)).toBe('serving');
  expect(second.started).toEqual([]);
  second.stop.abort();
  const third = startAgent('2', (key) => world[key] ?? { type: 'unknown' });
  await expect.poll(() => third.link.stateOf(local), { timeout: 10_000 }).toBe('serving');
  expect(third.started).toEqual(['2']);
  expect(await resolved('db.shop.berth')).toEqual(['10.0.0.5']);
  // Of before, from the file.
  expect(await resolved('web.shop.berth')).toEqual(['10.0.0.7']);
});

test('one that dies is started again by the agent', async () => {
  const agent = startAgent('1', (key) => world[key] ?? { type: 'unknown' });
  await expect.poll(() => agent.link.stateOf(local)).toBe('serving');
  stops[1]?.abort();
  await keepers[1];
  await expect.poll(() => agent.started).toEqual(['1', '1']);
  await expect.poll(() => resolved('db.shop.berth').catch(String)).toEqual(['10.0.0.5']);
});

test('it ends with an agent that leaves nothing running, and when its directory is gone', async () => {
  const agent = startAgent('1', () => ({ type: 'unknown' }));
  agent.link.setOwn(ownNames([]), []);
  await expect.poll(() => agent.link.stateOf(local)).toBe('serving');
  agent.stop.abort();
  await keepers[1];
  startKeeper('1');
  const last = keepers.at(-1);
  await expect.poll(() => resolved('db.shop.berth').catch(String)).toBe('SERVFAIL');
  await rm(dir, { recursive: true });
  await last;
});

test('one that agents would not find any more makes room for another', async () => {
  const agent = startAgent('1', (key) => world[key] ?? { type: 'unknown' });
  await expect.poll(() => agent.link.stateOf(local)).toBe('serving');
  await rm(join(dir, 'names.sock'));
  await keepers[1];
  await expect.poll(() => agent.started).toEqual(['1', '1']);
  await expect.poll(() => resolved('db.shop.berth').catch(String)).toEqual(['10.0.0.5']);
});

test('own names are those of instances, their reservations, and members of workloads', () => {
  const owner = { apiVersion: 'berth.dev/v1', kind: 'Workload', name: 'front', uid: 'u' };
  const base = pod('front-1', '10.0.0.8');
  const member: Pod = {
    ...base,
    metadata: {
      ...base.metadata,
      annotations: { 'berth.dev/ip-reservation': 'lead' },
      ownerReferences: [{ ...owner, controller: true }],
    },
    status: { ...base.status, conditions: [{ type: 'Ready', status: 'True' }] },
  };
  const ended: Pod = { ...pod('old', '10.0.0.9'), status: { phase: 'Failed' } };
  expect(ownNames([member, ended])).toEqual({
    instances: 2,
    names: { 'shop/lead': ['10.0.0.8'], 'shop/front-1': ['10.0.0.8'] },
    partly: { 'shop/front': ['10.0.0.8'] },
  });
});
