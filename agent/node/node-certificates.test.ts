import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Client } from '../../client/client.ts';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { seededRandom } from '../../lib/random.ts';
import { makeCerts, type TestCerts } from '../../test/harness/certs.ts';
import { keepCertificates, readPair, writePair } from './node-certificates.ts';

/** Valid for two days from now on. */
let certs: TestCerts;
let cert: string;
let dir: string;
let stop: AbortController;
let clock: FakeClock;
/** Signers that were asked, in order. */
let asked: string[];
/** The next requests that fail. */
let failures: number;
let told: string[];

const dayMs = 86_400_000;

beforeAll(() => {
  certs = makeCerts();
  cert = readFileSync(certs.cert, 'utf8');
});
afterAll(() => certs.remove());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'berth-node-certs-'));
  stop = new AbortController();
  clock = new FakeClock(Date.now());
  asked = [];
  failures = 0;
  told = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A plane that signs at once. */
const plane = {
  async create(_resource: unknown, csr: { spec: { signerName: string } }) {
    asked.push(csr.spec.signerName.split('/').at(-1) ?? '');
    if (failures-- > 0) throw new Error('the plane is away');
    return { metadata: { name: 'csr-1' } };
  },
  async get() {
    return { status: { certificate: Buffer.from(cert).toString('base64') } };
  },
} as unknown as Client; // Nothing else is called.

async function during(ms: number): Promise<void> {
  const keeping = keepCertificates(
    {
      nodeName: 'n1',
      dir,
      client: plane,
      clock,
      random: seededRandom(1),
      log: silentLog,
      onRenewed: (purpose) => told.push(purpose),
    },
    { signal: stop.signal },
  );
  // Files are written for real: each small step lets them be.
  for (let step = 0; step < 20; step += 1) {
    await clock.advance(ms / 20);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  stop.abort();
  await keeping;
}

test('what is not there is asked for at once, and kept for its owner only', async () => {
  await during(1_000);
  expect(asked.toSorted()).toEqual(['kube-apiserver-client-kubelet', 'kubelet-serving']);
  expect(told.toSorted()).toEqual(['client', 'serving']);
  const pair = await readPair(dir, 'client');
  expect(pair?.cert).toBe(cert);
  expect(pair?.key).toContain('BEGIN PRIVATE KEY');
  expect(statSync(join(dir, 'client.pem')).mode & 0o777).toBe(0o600);
});

test('nothing is asked for in the first 70 % of its life, and a new one before 90 %', async () => {
  const old = { cert, key: '-----BEGIN PRIVATE KEY-----\nold\n' };
  await writePair(dir, 'client', old);
  await writePair(dir, 'serving', old);
  await during(1.3 * dayMs);
  expect(asked).toEqual([]);
  expect(await readPair(dir, 'client')).toEqual(old);

  stop = new AbortController();
  await during(0.51 * dayMs);
  expect(new Set(told)).toEqual(new Set(['client', 'serving']));
  expect((await readPair(dir, 'client'))?.key).not.toBe(old.key);
});

test('a failure is tried again, not at once', async () => {
  failures = 2;
  await during(20_000);
  expect(asked).toHaveLength(2);
  stop = new AbortController();
  await during(40_000);
  expect(told.toSorted()).toEqual(['client', 'serving']);
});

test('a certificate that is old when it comes, by a wrong clock, makes no storm of requests', async () => {
  clock = new FakeClock(Date.now() + 10 * dayMs);
  await during(60_000);
  expect(asked.length).toBeLessThanOrEqual(6);
});
