/** The checks of `berth doctor` on a running plane: what it says of itself, and what to do about it. */
import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCondition } from '../../api/conditions.ts';
import type { Lease, Node, Pod, VM, Volume } from '../../api/kinds.gen.ts';
import type { KubeObject } from '../../api/meta.ts';
import { podOfVm } from '../../api/vm-instance.ts';
import { sentenceOf } from '../failure.ts';
import type { PlaneConfig } from '../plane/config.ts';
import type { PlanePaths } from '../plane/paths.ts';
import { readText, type Session, withSession } from '../verbs/session.ts';
import type { Finding } from './finding.ts';

const timeoutMs = 5_000;
const dayMs = 86_400_000;
/** A start renews what is valid for less than thirty days. */
const certificateMinDays = 14;
const leases = ['berth-controllers', 'berth-scheduler'];
const namesMax = 3;

/** Never rejects: a plane that does not answer is a finding. */
export async function planeChecks(
  paths: PlanePaths,
  config: PlaneConfig,
  nowMs: number,
): Promise<readonly Finding[]> {
  const signal = AbortSignal.timeout(timeoutMs);
  const certificates = checkCertificates(paths, nowMs);
  try {
    return await withSession({ dataDir: paths.dataDir }, async (session) => {
      const [ready, store, held, nodes, pods, vms, volumes] = await Promise.all([
        checkReady(session, config, signal),
        checkStore(session, signal),
        checkLeases(session, nowMs, signal),
        listOf<Node>(session, '/api/v1/nodes', signal),
        listOf<Pod>(session, '/api/v1/pods', signal),
        listOf<VM>(session, '/apis/berth.dev/v1/vms', signal),
        listOf<Volume>(session, '/apis/berth.dev/v1/volumes', signal),
      ]);
      const objects = [podsFinding(pods), vmsFinding(vms), volumesFinding(volumes)];
      return [...ready, store, certificates, held, nodesFinding(nodes), ...objects];
    });
  } catch (error) {
    const why = signal.aborted ? `no answer within ${timeoutMs / 1000} s` : sentenceOf(error);
    const remedy = `see ${paths.log}; "berth down" and "berth up" start it again, workloads go on`;
    return [{ state: 'broken', name: 'API', found: why, remedy }, certificates];
  }
}

async function checkReady(
  session: Session,
  config: PlaneConfig,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  let text: string;
  try {
    text = await readText(await session.open({ path: '/readyz?verbose', accept: '*/*', signal }));
  } catch (error) {
    // What is not ready is told in the body of the refusal.
    text = error instanceof Error ? error.message : String(error);
  }
  const failed = failedChecks(text);
  if (failed.length > 0) {
    return failed.map(({ name, why }) => ({
      state: 'broken',
      name,
      // The server's own remedy is in general words; ours can be typed.
      found: why.replace(/; remedy: .*$/, ''),
      remedy: remedyOf(name, config.store),
    }));
  }
  if (text.includes('check passed')) return [{ state: 'ok', name: 'API', found: 'ready' }];
  const remedy = 'see the log of the server';
  return [{ state: 'broken', name: 'API', found: text.trim(), remedy }];
}

/** The lines of `/readyz?verbose` that begin with `[-]`. Pure. */
export function failedChecks(text: string): readonly { name: string; why: string }[] {
  return [...text.matchAll(/^\[-\](\S+) failed: (.*)$/gm)].map(([, name = '', why = '']) => ({
    name,
    why,
  }));
}

/** What to type. Pure. */
export function remedyOf(check: string, store: string): string {
  const isEmbedded = store.startsWith('embedded:');
  if (check === 'store-space' && isEmbedded) {
    return `free space on the disk of ${store.slice('embedded:'.length)}: df -h there, docker system df`;
  }
  if (check === 'store-space') {
    const ctl = `ETCDCTL_API=3 etcdctl --endpoints=${endpointsOf(store)}`;
    return (
      `R=$(${ctl} endpoint status -w json | grep -o '"revision":[0-9]*' | head -1 | cut -d: -f2); ` +
      `${ctl} compact $R; ${ctl} defrag; ${ctl} alarm disarm`
    );
  }
  if (isEmbedded) return 'berth down && berth up';
  return `ETCDCTL_API=3 etcdctl --endpoints=${endpointsOf(store)} endpoint health`;
}

function endpointsOf(store: string): string {
  const scheme = store.startsWith('etcds:') ? 'https' : 'http';
  return store
    .replace(/^etcds?:\/\//, '')
    .split(',')
    .map((endpoint) => `${scheme}://${/:\d+$/.test(endpoint) ? endpoint : `${endpoint}:2379`}`)
    .join(',');
}

async function checkStore(session: Session, signal: AbortSignal): Promise<Finding> {
  const text = await readText(await session.open({ path: '/metrics', accept: '*/*', signal }));
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
  const size = inMiB(value('apiserver_storage_size_bytes'));
  const inUse = inMiB(value('berth_store_in_use_bytes'));
  return { state: 'ok', name: 'store', found: `${size} MiB, ${inUse} MiB of it in use` };
}

function inMiB(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

function checkCertificates({ pki }: PlanePaths, nowMs: number): Finding {
  const name = 'certificates';
  const files = existsSync(pki) ? readdirSync(pki).filter((file) => file.endsWith('.crt')) : [];
  const [first] = files
    .map((file) => {
      const { validTo } = new X509Certificate(readFileSync(join(pki, file)));
      return { file, days: Math.floor((Date.parse(validTo) - nowMs) / dayMs) };
    })
    .sort((a, b) => a.days - b.days);
  if (first === undefined) return { state: 'ok', name, found: 'none of its own' };
  const found = `${first.file} is the first to expire, in ${first.days} days`;
  if (first.days >= certificateMinDays) return { state: 'ok', name, found };
  return { state: 'broken', name, found, remedy: 'berth down && berth up: a start renews it' };
}

async function checkLeases(session: Session, nowMs: number, signal: AbortSignal): Promise<Finding> {
  const path = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
  const found = await listOf<Lease>(session, path, signal);
  const stale = leases.filter((name) => {
    const spec = found.find(({ metadata }) => metadata.name === name)?.spec;
    const validMs = (spec?.leaseDurationSeconds ?? 0) * 1000;
    const isHeld = (spec?.holderIdentity ?? '') !== '';
    return !isHeld || nowMs - Date.parse(spec?.renewTime ?? '') > validMs;
  });
  if (stale.length === 0) return { state: 'ok', name: 'leases', found: 'held and renewed' };
  return {
    state: 'broken',
    name: 'leases',
    found: `nobody holds ${stale.join(', ')}`,
    without: 'nothing is scheduled, or no controller acts',
    remedy: 'wait 15 s and look again; then see the log of the server for "lease"',
  };
}

/** Pure. */
export function nodesFinding(nodes: readonly Node[]): Finding {
  const name = 'nodes';
  const away = nodes.filter(
    ({ status }) => findCondition(status?.conditions, 'Ready')?.status !== 'True',
  );
  if (away.length === 0) return { state: 'ok', name, found: `${nodes.length}, all ready` };
  const said = away.map(({ metadata, status }) => {
    const ready = findCondition(status?.conditions, 'Ready');
    return `${metadata.name} (${ready?.message ?? 'has said nothing'})`;
  });
  return {
    state: 'broken',
    name,
    found: `${away.length} of ${nodes.length} not ready: ${shortened(said)}`,
    remedy: `kubectl describe node ${away[0]?.metadata.name}; on that machine: berth doctor`,
  };
}

/** What waits or fails again and again, grouped by its reason. Pure. */
export function podsFinding(pods: readonly Pod[]): Finding {
  return objectsFinding('pods', pods, troubleOf);
}

/** Pure. */
export function vmsFinding(vms: readonly VM[]): Finding {
  return objectsFinding('vms', vms, (vm) => troubleOf(podOfVm(vm)));
}

/** Pure. */
export function volumesFinding(volumes: readonly Volume[]): Finding {
  return objectsFinding('volumes', volumes, troubleOfVolume);
}

function objectsFinding<T extends KubeObject>(
  name: string,
  objects: readonly T[],
  troubleOfOne: (object: T) => string | undefined,
): Finding {
  const groups = new Map<string, string[]>();
  for (const object of objects) {
    const reason = troubleOfOne(object);
    if (reason === undefined) continue;
    const { namespace = '', name: objectName = '' } = object.metadata;
    groups.set(reason, [...(groups.get(reason) ?? []), `${namespace}/${objectName}`]);
  }
  if (groups.size === 0) {
    return { state: 'ok', name, found: `${objects.length}, none waits or fails` };
  }
  const found = [...groups]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([reason, names]) => `${names.length} ${reason}: ${shortened(names)}`)
    .join('; ');
  const [example = '/'] = [...groups.values()][0] ?? [];
  const [namespace, objectName] = example.split('/');
  return {
    state: 'optional',
    name,
    found,
    remedy: `kubectl describe ${name.slice(0, -1)} -n ${namespace} ${objectName}`,
  };
}

/** One that nobody has used yet waits for nothing. */
function troubleOfVolume({ status }: Volume): string | undefined {
  const pending = findCondition(status?.conditions, 'DeletionPending');
  if (pending?.status === 'True') return pending.reason;
  const ready = findCondition(status?.conditions, 'Ready');
  return ready?.status === 'False' && ready.reason !== 'Pending' ? ready.reason : undefined;
}

function troubleOf({ status }: Pod): string | undefined {
  if (status?.phase === 'Succeeded' || status?.reason === 'Stopped') return undefined;
  if (status?.phase === 'Failed') return status.reason ?? 'Failed';
  const scheduled = findCondition(status?.conditions, 'PodScheduled');
  if (scheduled?.status === 'False') return scheduled.reason ?? 'Pending';
  const waiting = status?.containerStatuses?.find(
    ({ state }) => state?.waiting?.reason !== undefined,
  );
  const reason = waiting?.state?.waiting?.reason;
  return reason === 'ContainerCreating' || reason === 'PodInitializing' ? undefined : reason;
}

function shortened(names: readonly string[]): string {
  const rest = names.length - namesMax;
  return names.slice(0, namesMax).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

async function listOf<T>(session: Session, path: string, signal: AbortSignal) {
  const { body } = await session.call({ path, signal });
  return (body['items'] ?? []) as readonly T[]; // The path says of what.
}
