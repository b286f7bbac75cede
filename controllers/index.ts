/** Every built-in controller, in one process at a time of all that run them. */
import type { Client } from '../client/client.ts';
import { runWithLease } from '../client/lease.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { Random } from '../lib/random.ts';
import { runAddresses } from './addresses/run.ts';
import { certificateController } from './certificates/controller.ts';
import type { CertificateSigner } from './certificates/signer.ts';
import { runTokenCleaner } from './certificates/tokens.ts';
import { disruptionController } from './disruption/controller.ts';
import { runEventTtl } from './event-ttl/run.ts';
import { runGarbageCollector } from './garbage-collector/run.ts';
import { heldClient } from './held-client.ts';
import { jobPodReleaseController } from './job/release-controller.ts';
import type { ControllerDeps } from './kit/controller.ts';
import { createInformers } from './kit/informers.ts';
import { runController } from './kit/run-controller.ts';
import { type ControllerName, controllerNames } from './names.ts';
import { namespaceController } from './namespace/controller.ts';
import type { NodeLifecycleOptions } from './node-lifecycle/context.ts';
import { runNodeLifecycle } from './node-lifecycle/run.ts';
import { runQuotas } from './quota/run.ts';
import { roleAggregationController } from './role-aggregation/controller.ts';
import { rootCaController } from './service-accounts/root-ca.ts';
import { type TokenSecretSigner, tokenSecretController } from './service-accounts/token-secrets.ts';
import { vmSnapshotController } from './vm-snapshots/controller.ts';
import { volumeController } from './volumes/controller.ts';
import { volumeSnapshotController } from './volumes/snapshots.ts';
import { workloadController } from './workload/controller.ts';

export interface ControllersOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Differs between processes, also between two runs of one. */
  readonly identity: string;
  readonly metrics?: Metrics;
  /** Absent: certificate requests are left alone. */
  readonly signer?: CertificateSigner;
  /** Absent: nothing is done for service accounts but the `default` of each namespace. */
  readonly tokenSigner?: TokenSecretSigner;
  /** How patient to be with nodes; everything has a default. */
  readonly nodeLifecycle?: Partial<NodeLifecycleOptions>;
  /** Whether the controller of that name runs; absent: all do. */
  readonly wants?: (name: ControllerName) => boolean;
}

const leaseName = 'berth-controllers';
const leaseNamespace = 'kube-system';

/** Waits for the lease and runs while it is held, again and again, until the signal aborts. */
export async function runControllers(options: ControllersOptions): Promise<void> {
  const { client, clock, log, signal, identity, metrics } = options;
  const measured = metrics === undefined ? {} : { metrics };
  await runWithLease(
    {
      ...measured,
      client,
      clock,
      log,
      signal,
      identity,
      name: leaseName,
      namespace: leaseNamespace,
    },
    (term, { held }) => runAll(options, heldClient(client, held), term),
  );
}

/** One term of office: everything starts from fresh lists, and all ends when one fails. */
async function runAll(
  { clock, random, log, metrics, signer, tokenSigner, nodeLifecycle, wants }: ControllersOptions,
  client: Client,
  term: AbortSignal,
): Promise<void> {
  const failed = new AbortController();
  const signal = failed.signal;
  const end = () => failed.abort(term.reason);
  term.addEventListener('abort', end, { once: true });
  if (term.aborted) end();
  const informers = createInformers({ client, clock, log, random });
  const deps: ControllerDeps = {
    client,
    informers,
    clock,
    random,
    log,
    signal,
    ...(metrics === undefined ? {} : { metrics }),
  };
  const all: Readonly<Record<ControllerName, () => Promise<void> | undefined>> = {
    workload: () => runController(workloadController(deps), deps),
    job: () => runController(jobPodReleaseController(deps), deps),
    namespace: () => runController(namespaceController(), deps),
    disruption: () => runController(disruptionController(deps), deps),
    'role-aggregation': () => runController(roleAggregationController(deps), deps),
    'node-lifecycle': () => runNodeLifecycle(deps, nodeLifecycle),
    'garbage-collector': () => runGarbageCollector(deps),
    'event-ttl': () => runEventTtl(deps),
    'resource-quota': () => runQuotas(deps),
    'token-cleaner': () => runTokenCleaner(deps),
    'root-ca': () => tokenSigner && runController(rootCaController(tokenSigner.ca), deps),
    'token-secret': () =>
      tokenSigner && runController(tokenSecretController(tokenSigner, deps), deps),
    addresses: () => runAddresses(deps),
    volumes: () => runController(volumeController(deps), deps),
    'volume-snapshots': () => runController(volumeSnapshotController(deps), deps),
    'vm-snapshots': () => runController(vmSnapshotController(deps), deps),
    certificates: () => signer && runController(certificateController(signer), deps),
  };
  // Without any, the lease is still held until the term ends.
  const runs = [
    untilAborted(signal),
    ...controllerNames.filter((name) => wants?.(name) ?? true).map((name) => all[name]()),
  ];
  informers.start();
  try {
    await Promise.all(runs);
  } finally {
    term.removeEventListener('abort', end);
    failed.abort(new Error('another controller failed'));
    await Promise.allSettled(runs);
    await informers.stop();
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
