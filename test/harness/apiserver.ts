/** A real apiserver over a real store, and ways to ask it over HTTPS. */
import { mkdtempSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ApiServer,
  type ApiServerOptions,
  openPki,
  type Pki,
  startApiServer,
} from '../../apiserver/index.ts';
import type { Client } from '../../client/client.ts';
import { createHttpsTransport } from '../../client/https-transport.ts';
import { createClient } from '../../client/rest-client.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { type Metrics, noMetrics } from '../../lib/metrics.ts';
import { systemRandom } from '../../lib/random.ts';
import { openStore, type Store } from '../../store/index.ts';
import { startEtcd, type TestEtcd } from './etcd.ts';
import { makeTokenKeys } from './token-keys.ts';

export const storeKinds = ['embedded', 'etcd'] as const;
export type StoreKind = (typeof storeKinds)[number];

export const adminToken = 'admin-token';
/** Belongs to `alice` of group `devs`, who has no role but the default ones. */
export const aliceToken = 'alice-token';

export interface Answer {
  readonly status: number;
  readonly headers: https.RequestOptions['headers'] & Record<string, unknown>;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body as JSON; tests know what they asked for. */
  readonly body: Body;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into at any depth.
export type Body = any;

export interface CallOptions {
  /** Default the administrator's; `null` = none. */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cert?: { readonly cert: string; readonly key: string };
}

export interface TestApi {
  /** Holds the embedded store and the certificates. */
  readonly directory: string;
  readonly server: ApiServer;
  readonly store: Store;
  readonly pki: Pki;
  readonly etcd: TestEtcd | undefined;
  readonly url: string;
  /** As administrator, over HTTPS. */
  readonly client: Client;
  /** One request; a body that is no string is sent as JSON. */
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  /** Opens a watch and gathers its events. */
  watch(path: string): Promise<Watching>;
  /** Another server over the same store, as after a restart. */
  again(more?: TestApiOptions): Promise<TestApi>;
  stop(): Promise<void>;
}

export interface Watching {
  readonly events: readonly { readonly type: string; readonly object: Body }[];
  /** Resolves when there are at least `count` events, bookmarks not counted. */
  atLeast(count: number): Promise<void>;
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>;
  close(): void;
}

export const signal = new AbortController().signal;

export interface TestApiOptions {
  readonly etcdFlags?: readonly string[];
  /** In place of the usual embedded one. */
  readonly store?: Store;
  readonly metrics?: Metrics;
  readonly audit?: ApiServerOptions['audit'];
  /** Pods get their ServiceAccount; nobody makes the `default` ones here. @default false */
  readonly serviceAccounts?: boolean;
  readonly limits?: ApiServerOptions['limits'];
  readonly oidc?: ApiServerOptions['oidc'];
  readonly encryption?: ApiServerOptions['encryption'];
  readonly answers?: ApiServerOptions['answers'];
}

export async function startTestApi(
  kind: StoreKind,
  options: TestApiOptions = {},
): Promise<TestApi> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-api-'));
  const flags = options.etcdFlags ?? [];
  const etcd = kind === 'etcd' ? await startEtcd({ flags }) : undefined;
  const url = etcd === undefined ? `embedded:${directory}/store` : `etcd://${etcd.endpoint}`;
  const store = options.store ?? (await openStore(url));
  const pki = await openPki(join(directory, 'pki'), systemClock);
  const started: TestApi[] = [];
  const start = async (more: TestApiOptions = {}): Promise<TestApi> => {
    const metrics = options.metrics ?? noMetrics;
    const api = await serve({ directory, store, pki, etcd, metrics }, start, {
      ...options,
      ...more,
    });
    started.push(api);
    return api;
  };
  const first = await start();
  return {
    ...first,
    async stop() {
      await Promise.all(started.map((each) => each.server.stop()));
      await store.close();
      await etcd?.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Of all servers of this process, as those of one plane. */
const tokenKeys = makeTokenKeys();

async function serve(
  {
    directory,
    store,
    pki,
    etcd,
    metrics,
  }: Pick<TestApi, 'directory' | 'store' | 'pki' | 'etcd'> & { readonly metrics: Metrics },
  again: TestApi['again'],
  { audit, limits, encryption, oidc, answers, serviceAccounts = false }: TestApiOptions,
): Promise<TestApi> {
  const token = (name: string, user: string, group: string) => ({
    token: name,
    user,
    uid: '',
    groups: [group],
  });
  const server = await startApiServer({
    ...(audit === undefined ? {} : { audit }),
    ...(oidc === undefined ? {} : { oidc }),
    ...(limits === undefined ? {} : { limits }),
    ...(encryption === undefined ? {} : { encryption }),
    ...(answers === undefined ? {} : { answers }),
    store,
    metrics,
    clock: systemClock,
    random: systemRandom,
    log: createLog('silent'),
    ca: pki.ca,
    serving: await pki.leaf('apiserver', { commonName: 'api', hosts: ['127.0.0.1'] }),
    agentClient: await pki.leaf('agent-client', { commonName: 'berth-apiserver' }),
    tokens: [token(adminToken, 'admin', 'system:masters'), token(aliceToken, 'alice', 'devs')],
    tokenKeys,
    disabledAdmission: serviceAccounts ? [] : ['ServiceAccount'],
    port: 0,
    version: { major: '1', minor: '36', gitVersion: 'v1.36.0+berth' },
  });
  const url = `https://127.0.0.1:${server.port}`;
  const transport = createHttpsTransport({ server: url, ca: pki.ca, token: adminToken });
  return {
    directory,
    server,
    store,
    pki,
    etcd,
    url,
    client: createClient(transport, { userAgent: 'test', clock: systemClock }),
    call: (method, path, body, options = {}) => call(url, pki, method, path, body, options),
    watch: (path) => openWatch(url, pki, path),
    again,
    stop: () => server.stop(),
  };
}

function call(
  url: string,
  pki: Pki,
  method: string,
  path: string,
  body: unknown,
  { token = adminToken, headers = {}, cert }: CallOptions,
): Promise<Answer> {
  const sent =
    body === undefined || body instanceof Uint8Array || typeof body === 'string'
      ? body
      : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = https.request(
      url + path,
      {
        method,
        ca: pki.ca,
        ...cert,
        agent: false,
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(sent === undefined
            ? {}
            : // Node leaves the length out where a method usually has no body.
              { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const text = bytes.toString('utf8');
          const isJson = response.headers['content-type']?.includes('json') && /^[{[]/.test(text);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            bytes,
            text,
            body: isJson ? JSON.parse(text) : undefined,
          });
        });
      },
    );
    request.on('error', reject);
    request.end(sent);
  });
}

function openWatch(url: string, pki: Pki, path: string): Promise<Watching> {
  return new Promise((resolve, reject) => {
    const events: { type: string; object: Body }[] = [];
    const waiters: { count: number; wake: () => void }[] = [];
    const headers = { authorization: `Bearer ${adminToken}` };
    const request = https.get(url + path, { ca: pki.ca, agent: false, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`watch answered ${response.statusCode}`));
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        events.push(...lines.map((line) => JSON.parse(line)));
        const count = events.filter(({ type }) => type !== 'BOOKMARK').length;
        for (const waiter of waiters) if (waiter.count <= count) waiter.wake();
      });
      const ended = new Promise<void>((done) => response.once('close', done));
      resolve({
        events,
        ended,
        close: () => request.destroy(),
        atLeast: (count) =>
          new Promise((wake) => {
            waiters.push({ count, wake });
            if (events.filter(({ type }) => type !== 'BOOKMARK').length >= count) wake();
          }),
      });
    });
    request.on('error', reject);
  });
}

/** Tries until `check` no longer throws. */
export async function eventually<T>(check: () => T | Promise<T>, withinMs = 50_000): Promise<T> {
  const until = Date.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

export function configMap(name: string, data: Readonly<Record<string, string>> = {}, more = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...more }, data };
}

/** A definition of `widgets.<group>` with a spec of size and color, status and scale. */
export function widgetDefinition(group: string): Body {
  const spec = {
    type: 'object',
    properties: {
      size: { type: 'integer', minimum: 0, default: 1 },
      color: { type: 'string', enum: ['red', 'blue'] },
      replicas: { type: 'integer' },
    },
  };
  const status = {
    type: 'object',
    properties: { phase: { type: 'string' }, replicas: { type: 'integer' } },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget', shortNames: ['wg'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
          subresources: {
            status: {},
            scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
          },
          additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
          selectableFields: [{ jsonPath: '.spec.color' }],
        },
      ],
    },
  };
}
