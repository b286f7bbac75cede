/** The audit log of a real apiserver. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAuditLog } from '../../apiserver/index.ts';
import { systemClock } from '../../lib/clock.ts';
import {
  aliceToken,
  configMap,
  eventually,
  startTestApi,
  type TestApi,
} from '../harness/apiserver.ts';

const directory = mkdtempSync(join(tmpdir(), 'berth-audit-'));
const path = join(directory, 'audit.log');
let api: TestApi;
beforeAll(async () => {
  const sink = openAuditLog({ path, maxBytes: 10_000_000, maxBackups: 1, now: systemClock.now });
  api = await startTestApi('embedded', {
    audit: { policy: { rules: [{ level: 'RequestResponse' }] }, sink },
  });
});
afterAll(async () => {
  await api?.stop();
  rmSync(directory, { recursive: true });
});

// biome-ignore lint/suspicious/noExplicitAny: events are looked into at any depth.
const events = (): any[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
const about = (name: string, stage = 'ResponseComplete') =>
  events().filter((event) => event.objectRef?.name === name && event.stage === stage);

test('a write is recorded with who, what and what came of it', async () => {
  const at = '/api/v1/namespaces/default/configmaps';
  await api.call('POST', at, configMap('one', { a: 'b' }), { headers: { 'user-agent': 'me/1' } });
  await api.call('PUT', `${at}/one`, configMap('one', { a: 'c' }));
  const [put] = about('one');
  expect(put).toMatchObject({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    verb: 'update',
    requestURI: `${at}/one`,
    user: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
    sourceIPs: ['127.0.0.1'],
    objectRef: { resource: 'configmaps', namespace: 'default', name: 'one', apiVersion: 'v1' },
    responseStatus: { code: 200 },
    requestObject: { data: { a: 'c' } },
    responseObject: { data: { a: 'c' }, metadata: { name: 'one' } },
    annotations: { 'authorization.k8s.io/decision': 'allow' },
  });
  const [received] = about('one', 'RequestReceived');
  expect(received.auditID).toBe(put.auditID);
  expect(received.stageTimestamp <= put.stageTimestamp).toBe(true);
  const post = events().find((event) => event.userAgent === 'me/1');
  expect(post).toMatchObject({ verb: 'create', objectRef: { resource: 'configmaps' } });
});

test('who acts as somebody else is recorded with both names', async () => {
  const headers = { 'impersonate-user': 'carol' };
  await api.call('GET', '/api/v1/nodes/as-carol', undefined, { headers });
  expect(about('as-carol')[0]).toMatchObject({
    user: { username: 'admin' },
    impersonatedUser: { username: 'carol', groups: ['system:authenticated'] },
    responseStatus: { code: 403 },
  });
});

test('what is refused is recorded too, with the reason', async () => {
  await api.call('GET', '/api/v1/nodes/refused', undefined, { token: aliceToken });
  expect(about('refused')[0]).toMatchObject({
    user: { username: 'alice' },
    responseStatus: { code: 403, reason: 'Forbidden' },
    annotations: { 'authorization.k8s.io/decision': 'forbid' },
  });
  await api.call('GET', '/api/v1/nodes/nobody', undefined, { token: 'wrong' });
  expect(about('nobody')[0]).toMatchObject({ responseStatus: { code: 401 } });
});

test('a watch has a beginning and an end', async () => {
  const watching = await api.watch('/api/v1/namespaces?watch=1&fieldSelector=metadata.name%3Dx');
  const ofWatch = (stage: string) =>
    events().filter(
      (event) =>
        event.verb === 'watch' && event.stage === stage && /metadata.name/.test(event.requestURI),
    );
  expect(ofWatch('ResponseStarted')).toHaveLength(1);
  expect(ofWatch('ResponseComplete')).toHaveLength(0);
  watching.close();
  await eventually(() => expect(ofWatch('ResponseComplete')).toHaveLength(1));
});

test('nothing of a secret is in it, whatever was done with it and whether it succeeded', async () => {
  const at = '/api/v1/namespaces/default/secrets';
  const hidden = 'very-hidden-value';
  const encoded = Buffer.from(hidden).toString('base64');
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's' },
    stringData: { k: hidden },
  };
  expect((await api.call('POST', at, secret)).status).toBe(201);
  const merge = { headers: { 'content-type': 'application/merge-patch+json' } };
  await api.call('PATCH', `${at}/s`, { data: { k: encoded } }, merge);
  await api.call('GET', at);
  await api.call('POST', at, {
    ...secret,
    metadata: { name: 't' },
    stringData: { k: { [hidden]: 1 } },
  });
  await api.call('POST', at, { ...secret, metadata: { name: 't' }, data: { k: hidden } });
  await api.call('DELETE', `${at}/s`);
  const text = readFileSync(path, 'utf8');
  expect(text).toContain('"resource":"secrets"');
  for (const part of [hidden, encoded, 'admin-token']) expect(text).not.toContain(part);
});

test('a full file is moved aside, and the oldest go', () => {
  const small = join(directory, 'small.log');
  let nowMs = 0;
  const log = openAuditLog({ path: small, maxBytes: 100, maxBackups: 2, now: () => (nowMs += 1) });
  for (let i = 0; i < 20; i += 1) log.write(`${i} ${'x'.repeat(40)}`);
  log.close();
  const files = readdirSync(directory)
    .filter((name) => name.startsWith('small.log'))
    .sort();
  expect(files).toHaveLength(3);
  const kept = files
    .slice(1)
    .concat(files[0]!)
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').trim().split('\n'));
  expect(kept.map((line) => Number(line.split(' ')[0]))).toEqual([14, 15, 16, 17, 18, 19]);
  expect(statSync(small).mode & 0o777).toBe(0o600);
});
