/** The server of a plane: store, API, controllers and scheduler in this process. */
import {
  type Answers,
  type ApiServer,
  type ApiServerOptions,
  startApiServer,
  Undecipherable,
  type UserInfo,
} from '../../apiserver/index.ts';
import type { Client } from '../../client/client.ts';
import { createClient } from '../../client/rest-client.ts';
import { runControllers } from '../../controllers/index.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import { systemRandom } from '../../lib/random.ts';
import { underAny } from '../../lib/under-any.ts';
import { Adviser } from '../../scheduler/advice/adviser.ts';
import { runScheduler } from '../../scheduler/controller/run-scheduler.ts';
import { checkWhole, parseStoreUrl, type Store, settleFormat } from '../../store/index.ts';
import { codeOf, Failure } from '../failure.ts';
import { readVersion } from '../version.ts';
import { type Answerer, schedulerAnswers } from './answers.ts';
import { openAudit } from './audit.ts';
import { controllersChosen } from './chosen-controllers.ts';
import { type PlaneConfig, reachableHost } from './config.ts';
import { followEncryption, isOpenToOthers, readEncryptionFile } from './encryption.ts';
import { type Identity, openIdentity, writeKubeconfig } from './identity.ts';
import { moduleUrls } from './module-urls.ts';
import { readNodeId } from './node-id.ts';
import { openOidc } from './oidc.ts';
import { settleAuthority } from './one-authority.ts';
import { openPlaneStore } from './open-store.ts';
import { releaseOwnLeases } from './own-leases.ts';
import type { PlanePaths } from './paths.ts';
import { portInUse } from './ports.ts';
import { type RenewalDeps, renewCertificates } from './renew-certificates.ts';

export interface ServerPart {
  readonly port: number;
  /** A client inside this process, as that user. */
  client(user: UserInfo): Client;
  /** Resolves when controllers and scheduler have ended; rejects when one failed. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export interface ServerPartOptions {
  readonly paths: PlanePaths;
  readonly config: PlaneConfig;
  readonly log: Log;
  readonly metrics: Metrics;
}

const storeAnswerMs = 10_000;

/** Resolves when requests are served. Throws `Failure` for what a person can mend. */
export async function startServerPart(options: ServerPartOptions): Promise<ServerPart> {
  const { paths, config, log } = options;
  const [identity, store] = await Promise.all([
    openIdentity(paths, config),
    openPlaneStore(config, log),
  ]);
  try {
    await checkWhole(store, { signal: AbortSignal.timeout(storeAnswerMs) });
    const isShared = parseStoreUrl(config.store).type === 'etcd';
    const mark = { ca: identity.ca, isShared, paths };
    await settleAuthority(store, mark, { signal: AbortSignal.timeout(storeAnswerMs) });
    const format = await settleFormat(store, { signal: new AbortController().signal });
    if (format.from !== format.to) log.info(format, 'the store has a newer format now');
    const served: { answerer?: Answerer } = {};
    const answers = schedulerAnswers(() => served.answerer);
    const api = await listen(options, identity, store, answers);
    await writeKubeconfig(paths, config, identity);
    return await runParts(options, identity, { api, store, served });
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Serving {
  readonly api: ApiServer;
  readonly store: Store;
  /** Who answers questions about placement, from when the parts run. */
  readonly served: { answerer?: Answerer };
}

async function runParts(
  options: ServerPartOptions,
  files: Identity,
  { api, store, served }: Serving,
): Promise<ServerPart> {
  const { paths, config, log, metrics } = options;
  const { signer, tokenSigner } = files;
  const client = (user: UserInfo) =>
    createClient(api.transport(user), { userAgent: userAgent(user), clock: systemClock });
  const { nodeGraceMs } = config;
  const stop = new AbortController();
  const { signal } = stop;
  const plane = readNodeId(paths);
  const identity = `${plane}_${systemRandom.suffix(8)}`;
  const controllers = client(componentUser('system:berth:controllers'));
  await underAny([signal, AbortSignal.timeout(5_000)], (any) =>
    releaseOwnLeases(controllers, plane, any),
  );
  const common = { clock: systemClock, random: systemRandom, signal, identity, metrics };
  const wants = controllersChosen(config.controllers);
  const schedulerClient = client(componentUser('system:berth:scheduler'));
  const schedulerLog = log.child({ part: 'scheduler' });
  const moduleUrl = moduleUrls(paths);
  const placing = { ...common, client: schedulerClient, log: schedulerLog, moduleUrl };
  const adviser = new Adviser(placing);
  served.answerer = { adviser, client };
  const ended = Promise.all([
    runControllers({
      ...common,
      client: controllers,
      signer,
      tokenSigner,
      wants,
      log: log.child({ part: 'controllers' }),
      ...(nodeGraceMs === undefined ? {} : { nodeLifecycle: nodePatience(nodeGraceMs) }),
    }),
    wants('scheduler') && runScheduler(placing),
  ]).then(() => undefined);
  const renewing = Promise.all([
    renewCertificates(files, renewal(options, api), signal),
    followingEncryption(options, api, signal),
  ]);
  return {
    port: api.port,
    client,
    ended,
    async stop() {
      stop.abort(new Error('the server stops'));
      await Promise.allSettled([ended, renewing, adviser.stopped()]);
      await api.stop();
      await store.close();
    },
  };
}

function renewal({ paths, config, log }: ServerPartOptions, api: ApiServer): RenewalDeps {
  return {
    open: () => openIdentity(paths, config),
    async onRenewed(identity) {
      api.renew(identity);
      await writeKubeconfig(paths, config, identity);
    },
    clock: systemClock,
    log,
  };
}

async function followingEncryption(
  { config, log }: ServerPartOptions,
  api: ApiServer,
  signal: AbortSignal,
): Promise<void> {
  const { encryptionProviderConfig: path } = config;
  if (path === undefined) return;
  if (isOpenToOthers(path))
    log.warn({ path }, 'others than its owner can read the encryption keys');
  await followEncryption(path, { apply: api.encrypt, clock: systemClock, log }, signal);
}

async function listen(
  { config, log, metrics }: ServerPartOptions,
  { ca, serving, agentClient, tokens, tokenKeys }: Identity,
  store: Store,
  answers: Answers,
): Promise<ApiServer> {
  const { host, port, disabledAdmission = [], serviceAccountIssuer: tokenIssuer } = config;
  const audit = openAudit(config);
  const oidc = openOidc(config);
  const { encryptionProviderConfig: keys } = config;
  try {
    return await startApiServer({
      store,
      answers,
      metrics,
      clock: systemClock,
      random: systemRandom,
      log: log.child({ part: 'apiserver' }),
      ca,
      serving,
      agentClient,
      tokens,
      tokenKeys,
      advertise: reachableHost(host),
      disabledAdmission,
      ...(tokenIssuer === undefined ? {} : { tokenIssuer }),
      host,
      port,
      version: readVersion().info,
      limits: limitsOf(config),
      ...(keys === undefined ? {} : { encryption: readEncryptionFile(keys) }),
      ...(audit === undefined ? {} : { audit }),
      ...(oidc === undefined ? {} : { oidc }),
    });
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') throw await portInUse(host, port);
    if (codeOf(error) === 'EADDRNOTAVAIL') {
      throw new Failure(`this machine has no address ${host}: choose another --host`);
    }
    if (error instanceof Undecipherable) throw new Failure(error.message, { cause: error });
    throw error;
  }
}

function limitsOf(config: PlaneConfig): NonNullable<ApiServerOptions['limits']> {
  const { maxRequestsInflight, maxMutatingRequestsInflight, requestTimeoutMs } = config;
  return {
    ...(maxRequestsInflight === undefined ? {} : { maxRequestsInflight }),
    ...(maxMutatingRequestsInflight === undefined ? {} : { maxMutatingRequestsInflight }),
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
  };
}

/** A shorter patience needs to look more often. */
function nodePatience(graceMs: number) {
  return { graceMs, absentGraceMs: graceMs, intervalMs: Math.min(5_000, graceMs / 4) };
}

/** Controllers and scheduler may do everything for now. */
function componentUser(name: string): UserInfo {
  return { name, groups: ['system:masters', 'system:authenticated'] };
}

/** The part before the slash is the field manager: `berth-controllers`. */
function userAgent({ name }: UserInfo): string {
  const component = name.startsWith('system:node:') ? 'agent' : name.split(':').at(-1);
  return `berth-${component}/${readVersion().berth}`;
}
