/** The apiserver as a whole: the store, the cache over it, the pipeline, and HTTPS in front. */

import { StatusError } from '../api/status.ts';
import type { Client } from '../client/client.ts';
import { createClient } from '../client/rest-client.ts';
import type { Transport } from '../client/transport.ts';
import { builtinKinds, ignoredFields, objectMetaSchema } from '../crds/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { type Metrics, noMetrics } from '../lib/metrics.ts';
import type { Random } from '../lib/random.ts';
import { encodeBackup, type Store, saveStore } from '../store/index.ts';
import { createAdmission } from './admission/index.ts';
import { type Audit, createAudit, noAudit } from './audit/audit.ts';
import type { AuditSink } from './audit/log-file.ts';
import type { AuditPolicy } from './audit/policy.ts';
import { anonymous, createAuthenticator, type StaticToken } from './auth/authenticate.ts';
import { type Authorizer, masters, mastersGroup } from './auth/authorize.ts';
import { bearerTokens } from './auth/bearer-tokens.ts';
import { createNodeAuthorizer } from './auth/node.ts';
import type { OidcOptions } from './auth/oidc.ts';
import type { KeyPair } from './auth/pki.ts';
import { createRbac } from './auth/rbac.ts';
import type { TokenIssuer } from './auth/service-account-token.ts';
import type { TokenKeys } from './auth/token-keys.ts';
import { bootstrap } from './bootstrap.ts';
import { Converter } from './custom/converter.ts';
import { loadDefinitions, runEstablisher } from './custom/establisher.ts';
import { Documents, type HealthCheck } from './documents/documents.ts';
import type { VersionInfo } from './documents/version-info.ts';
import type { EncryptionConfiguration } from './encryption/configuration.ts';
import { sealedStore } from './encryption/sealed-store.ts';
import { createFlowControl, type FlowLimits } from './flow/flow-control.ts';
import { type FrontEnd, listen } from './http/front-end.ts';
import { localTransport } from './http/local-transport.ts';
import { eventsStoredAs, newerEvents } from './kinds/event-forms.ts';
import { strategies } from './kinds/index.ts';
import { authorised, type Caller, handle, type PipelineDeps, statusAnswer } from './pipeline.ts';
import { Registry } from './registry/registry.ts';
import type { ApiRequest, ApiResponse, UserInfo } from './request/request.ts';
import { RequestMetrics } from './request/request-metrics.ts';
import { runCompactor } from './storage/compactor.ts';
import { measuredStore } from './storage/measured-store.ts';
import { ObjectStore } from './storage/object-store.ts';
import { runSpaceWatch, spaceCheck } from './storage/space.ts';
import { storageMetrics } from './storage/storage-metrics.ts';
import { guarded } from './storage/store-errors.ts';
import { WatchCache } from './storage/watch-cache.ts';
import { type Answers, noAnswers } from './subresources/answers.ts';
import { askNode, hasStreams, podStream, podStreams } from './subresources/node-proxy.ts';
import { NodeSummaries } from './usage/node-summaries.ts';
import { WebhookCaller } from './webhook/call.ts';

export interface ApiServerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** PEM of the CA that signs clients, agents and this server. */
  readonly ca: string;
  readonly serving: KeyPair;
  /** What this server shows to agents. */
  readonly agentClient: KeyPair;
  readonly tokens: readonly StaticToken[];
  /** Sign and verify the tokens of service accounts; every server of a plane has the same. */
  readonly tokenKeys: TokenKeys;
  /** `iss` of those tokens, and whom they are for unless somebody else is named. */
  readonly tokenIssuer?: string;
  /** An issuer whose users are believed; `ca` is PEM, absent = the system's authorities. */
  readonly oidc?: OidcOptions & { readonly ca?: string | undefined };
  /** Names of admission plugins that judge nothing here. */
  readonly disabledAdmission?: readonly string[];
  /** Under which name or address others reach this server; default `host`. */
  readonly advertise?: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
  readonly version: VersionInfo;
  /** What `/metrics` shows; nothing when absent. */
  readonly metrics?: Metrics;
  /** Absent: no request is recorded. */
  readonly audit?: { readonly policy: AuditPolicy; readonly sink: AuditSink };
  readonly limits?: FlowLimits;
  /** How objects are stored; plain when absent. */
  readonly encryption?: EncryptionConfiguration;
  /** What other parts of the plane answer. */
  readonly answers?: Answers;
  /** How long history is kept for watches and exact reads; default ten minutes. */
  readonly historyMs?: number;
}

export interface ApiServer {
  readonly port: number;
  /** Requests as `user`, without sockets. */
  transport(user: UserInfo): Transport;
  /** How many watches are being served, our own of definitions among them. */
  readonly watches: number;
  /** From now on these certificates are shown to clients and to agents. */
  renew(pairs: { readonly serving: KeyPair; readonly agentClient: KeyPair }): void;
  /** Objects are encrypted so from now on; throws, and changes nothing, where a key in use is missing. */
  encrypt(configuration: EncryptionConfiguration): Promise<void>;
  /** Ends watches and connections; the store stays open. */
  stop(): Promise<void>;
}

const defaultHistoryMs = 600_000;
const servedBuiltins = builtinKinds.flatMap((definition) =>
  definition.names.plural === 'events' ? [definition, newerEvents(definition)] : [definition],
);
const defaultIssuer = 'https://kubernetes.default.svc';
const apiserverUser: UserInfo = {
  name: 'system:apiserver',
  groups: [mastersGroup, 'system:authenticated'],
};

/** Resolves when the server is ready to serve. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { clock, random, log, metrics = noMetrics } = options;
  const store = sealedStore(measuredStore(options.store, metrics, clock), options.encryption);
  const cache = new WatchCache({ store, clock, log });
  await cache.start();
  const objects = new ObjectStore(store, cache);
  const registry = new Registry({
    builtin: servedBuiltins,
    storedAs: { 'events.events.k8s.io': eventsStoredAs },
    metadataSchema: objectMetaSchema,
    strategies,
    ignoredFields,
  });
  const stopped = new AbortController();
  const authorizers: readonly Authorizer[] = [
    masters,
    createNodeAuthorizer(cache),
    createRbac(cache),
  ];
  const caller = new WebhookCaller();
  const converter = new Converter(caller, random);
  let frontEnd: FrontEnd | undefined;
  let { agentClient } = options;
  const serverAddress = () => addressOf(options, frontEnd?.port ?? options.port);
  const issuer = issuerOf(options);
  const tokens = bearerTokens({ ...options, issuer, objects });
  const deps: PipelineDeps = {
    objects,
    registry,
    clock,
    random,
    log,
    get identity() {
      return agentClient;
    },
    ca: options.ca,
    authorizers,
    rbac: cache,
    converter,
    admission: createAdmission({
      objects,
      registry,
      authorizers,
      rbac: cache,
      caller,
      converter,
      clock,
      random,
      log,
      metrics,
      disabled: options.disabledAdmission ?? [],
    }),
    issuer,
    tokens,
    answers: options.answers ?? noAnswers,
    summaries: new NodeSummaries({
      clock,
      log,
      ask: (node, signal) => askNode(deps, node, '/stats/summary', signal),
    }),
    metrics: new RequestMetrics(metrics),
    flow: createFlowControl({ clock, metrics }, options.limits),
    paths: {
      '/backup': (request) => backup(options, request),
      '/metrics': async () => {
        const { contentType, text: body } = await metrics.expose();
        const headers = { 'content-type': contentType };
        return { status: 200, headers, body: Buffer.from(body) };
      },
    },
    documents: new Documents({
      registry,
      objectMeta: objectMetaSchema,
      version: options.version,
      serverAddress,
      issuer,
      live: [ping],
      ready: readyChecks(store, cache),
    }),
  };
  const audit =
    options.audit === undefined ? noAudit : createAudit({ ...options.audit, clock, random, log });
  const transport = (user: UserInfo) =>
    localTransport(
      (request, as) => audit(request, as, (notes) => handle(deps, request, { user: as, notes })),
      user,
    );
  loadDefinitions({ objects, registry, clock, log });
  const background = [
    runEstablisher({ objects, registry, clock, log }, stopped.signal),
    runCompactor(
      { store, clock, log, historyMs: options.historyMs ?? defaultHistoryMs },
      stopped.signal,
    ),
    runSpaceWatch({ store, clock, log, onSpace: storageMetrics(metrics, cache) }, stopped.signal),
  ];
  const admin: Client = createClient(transport(apiserverUser), { userAgent: 'berth', clock });
  await bootstrap(admin, stopped.signal);
  frontEnd = await listenOn(options, deps, audit);
  return {
    port: frontEnd.port,
    transport,
    get watches() {
      return cache.subscribers;
    },
    renew(pairs) {
      agentClient = pairs.agentClient;
      frontEnd?.renew(pairs.serving);
    },
    encrypt: (configuration) => store.configure(configuration, { signal: stopped.signal }),
    async stop() {
      stopped.abort();
      await frontEnd?.close();
      await cache.stop();
      caller.close();
      await Promise.allSettled(background);
    },
  };
}

/** The whole store as of one revision, while the plane runs; for administrators (`berth backup`). */
async function backup(
  { store, clock, version }: ApiServerOptions,
  { signal }: ApiRequest,
): Promise<ApiResponse> {
  const created = new Date(clock.now()).toISOString();
  const { header, records } = await guarded(() =>
    saveStore(store, { created, berth: version.gitVersion }, { signal }),
  );
  const headers = { 'content-type': 'application/octet-stream' };
  return { status: 200, headers, body: encodeBackup(header, records) };
}

function addressOf({ advertise, host = '127.0.0.1' }: ApiServerOptions, port: number): string {
  const name = advertise ?? host;
  return `${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function issuerOf({ tokenKeys, tokenIssuer = defaultIssuer }: ApiServerOptions): TokenIssuer {
  return { keys: tokenKeys, issuer: tokenIssuer, audiences: [tokenIssuer] };
}

function listenOn(options: ApiServerOptions, deps: PipelineDeps, audit: Audit): Promise<FrontEnd> {
  const authenticate = createAuthenticator(deps.tokens, deps.issuer.audiences);
  return listen({
    host: options.host ?? '127.0.0.1',
    port: options.port,
    serving: options.serving,
    ca: options.ca,
    log: options.log,
    handle: async (request, peer) => {
      let user: UserInfo;
      try {
        user = await authenticate(request.headers, peer, request.signal);
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        return audit(request, anonymous, async () => statusAnswer(error));
      }
      return audit(request, user, (notes) => handle(deps, request, { user, notes }));
    },
    upgrade: async (request, peer, connection) => {
      const user = await authenticate(request.headers, peer, request.signal);
      await audit(request, user, async (notes) => {
        await upgrade(deps, request, { user, notes }, connection);
        return { status: 101, headers: {}, body: new Uint8Array() };
      });
    },
  });
}

async function upgrade(
  deps: PipelineDeps,
  request: ApiRequest,
  caller: Caller,
  connection: Parameters<typeof podStream>[2],
): Promise<void> {
  const context = authorised(deps, request, caller);
  const { info } = context;
  const { group, version, resource, subresource, name } = info;
  const kind = deps.registry.find(group, version, resource);
  const streams =
    hasStreams(info) &&
    Object.hasOwn(podStreams, subresource) &&
    (subresource !== 'vnc' || resource === 'vms');
  if (!streams || name === '' || kind === undefined)
    throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');
  const leave = deps.flow.stream(context.user);
  connection.socket.once('close', leave);
  if (connection.socket.destroyed) leave();
  await podStream(deps, { ...context, kind }, connection);
}

const ping: HealthCheck = { name: 'ping', check: async () => undefined };

function readyChecks(store: Store, cache: WatchCache): readonly HealthCheck[] {
  return [
    ping,
    {
      // Named as monitors ask for it, whatever the store is.
      name: 'etcd',
      check: async () => {
        await store.revision({ signal: AbortSignal.timeout(2_000) });
        return undefined;
      },
    },
    { name: 'store-space', check: () => spaceCheck(store) },
    {
      name: 'watch-cache',
      check: async () => (cache.ready ? undefined : 'the watch of the store is down'),
    },
  ];
}
