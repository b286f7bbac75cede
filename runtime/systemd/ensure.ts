import { stat } from 'node:fs/promises';
import type { CallOptions } from '../../lib/call.ts';
import { limitIo } from '../cgroup-io.ts';
import { type CniAttachment, hasMain } from '../cni/cni.ts';
import type { CniNetworks } from '../cni/networks.ts';
import { portsOf } from '../instance-ports.ts';
import {
  type ContainerSpec,
  type InstanceNetwork,
  type InstanceSpec,
  type PortSpec,
  RuntimeError,
} from '../runtime.ts';
import { shortId } from '../short-id.ts';
import { SystemdError } from './bus.ts';
import { labelsOf, unitName } from './labels.ts';
import { writeHosts, writeResolvConf } from './own-files.ts';
import { startFailure } from './start-failure.ts';
import { attemptsOf, type Unit } from './unit.ts';
import { type Place, unitProperties } from './unit-properties.ts';
import type { Units } from './units.ts';

/** What the driver needs of a network; absent namespaces are made, present ones found. */
export interface Network {
  attach(
    key: string,
    address: InstanceNetwork | undefined,
    options: CallOptions,
  ): Promise<{ readonly namespacePath: string }>;

  /** Nothing happens to what `attach` has not given an address. */
  publish(
    key: string,
    address: InstanceNetwork | undefined,
    ports: readonly PortSpec[],
    options: CallOptions,
  ): Promise<void>;

  /** A namespace without a network. */
  bare(key: string, options: CallOptions): Promise<string>;

  /** Absent: the node has no networks by CNI. */
  readonly cni?: CniNetworks | undefined;
}

/** Brings the units of one instance, which are `found`, to `spec`; the caller runs it once at a time per instance. */
export async function ensureInstance(
  units: Units,
  network: Network,
  spec: InstanceSpec,
  found: readonly Unit[],
  options: CallOptions,
): Promise<void> {
  const wanted = new Set(spec.containers.map(({ name }) => name));
  for (const unit of found) {
    if (!wanted.has(unit.labels.container)) await units.remove(unit, options);
  }
  let place: Place | undefined;
  for (const container of spec.containers) {
    if (!(await clearTheWay(units, container, found, options))) continue;
    await checkFiles(container);
    if (container.beside !== undefined) await checkCompany(units, spec, container, options);
    place ??= await placeOf(units, network, spec, options);
    await start(units, spec, container, place, options);
  }
}

/** `false` when the asked attempt, or a later one, is there. Keeps the one before it. */
async function clearTheWay(
  units: Units,
  { name, attempt }: ContainerSpec,
  found: readonly Unit[],
  options: CallOptions,
): Promise<boolean> {
  const attempts = attemptsOf(found, name);
  const halfMade = attempts.filter(({ state }) => state.phase === 'created');
  for (const unit of halfMade) await units.remove(unit, options);
  const [newest, ...older] = attempts.filter((unit) => !halfMade.includes(unit));
  if (newest === undefined) return true;
  if (newest.labels.attempt >= attempt) return false;
  await units.kill(newest, options);
  for (const unit of older) await units.remove(unit, options);
  return true;
}

/** The namespace of an instance with all its networks; what is there already is left. */
export async function joinNetworks(
  units: Units,
  network: Network,
  spec: InstanceSpec,
  options: CallOptions,
): Promise<{ readonly path: string; readonly attachments: readonly CniAttachment[] }> {
  const { id, namespace, name, address, cni = [] } = spec;
  const key = shortId(units.nodeId, id);
  try {
    const path = hasMain(cni)
      ? await network.bare(key, options)
      : (await network.attach(key, address, options)).namespacePath;
    if (!hasMain(cni)) await network.publish(key, address, portsOf(spec), options);
    if (cni.length === 0) return { path, attachments: [] };
    if (network.cni === undefined) {
      throw new RuntimeError('InvalidSpec', 'this node has no networks by CNI');
    }
    const owner = { id, namespace, name };
    return { path, attachments: await network.cni.attach(owner, path, cni, options) };
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof RuntimeError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new RuntimeError('StartFailed', `the network cannot be made: ${why}`, { cause: error });
  }
}

async function placeOf(
  units: Units,
  network: Network,
  spec: InstanceSpec,
  options: CallOptions,
): Promise<Place> {
  const { id, network: kind, cpus, dns, hosts = [] } = spec;
  const key = shortId(units.nodeId, id);
  const place: Place = {
    ...(cpus === undefined ? {} : { cpus }),
    ...(dns === undefined ? {} : { resolvConf: await writeResolvConf(key, dns) }),
    ...(hosts.length === 0 ? {} : { hostsFile: await writeHosts(key, hosts) }),
  };
  if (kind === 'host') return place;
  const { path } = await joinNetworks(units, network, spec, options);
  return { ...place, networkNamespace: path };
}

/** What joins others needs them to run. */
async function checkCompany(
  units: Units,
  { id }: InstanceSpec,
  { name, beside }: ContainerSpec,
  options: CallOptions,
): Promise<void> {
  const running = (await units.find(id, options)).filter(({ state }) => state.phase === 'running');
  const target = beside?.processesOf;
  if (target !== undefined && !running.some(({ labels }) => labels.container === target)) {
    const message = `target container "${target}" is not running`;
    throw new RuntimeError('StartFailed', message, { container: name });
  }
  if (running.length === 0) {
    throw new RuntimeError('StartFailed', 'no container of it is running', { container: name });
  }
}

async function checkFiles({ name, image, mounts }: ContainerSpec): Promise<void> {
  if (image !== '' && !(await isDirectory(image))) {
    const message = `image "${image}" is no directory of this machine`;
    throw new RuntimeError('ImageMissing', message, { container: name });
  }
  for (const { hostPath } of mounts) {
    if ((await stat(hostPath).catch(() => undefined)) !== undefined) continue;
    const message = `path "${hostPath}" to be mounted does not exist on this machine`;
    throw new RuntimeError('InvalidSpec', message, { container: name });
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

async function start(
  units: Units,
  spec: InstanceSpec,
  container: ContainerSpec,
  place: Place,
  options: CallOptions,
): Promise<void> {
  const labels = labelsOf(units.nodeId, spec, container);
  const name = unitName(labels);
  const properties = unitProperties(labels, container, place);
  let result: string;
  try {
    result = await units.startTransient(name, properties, options);
  } catch (error) {
    if (!(error instanceof SystemdError)) throw error;
    const message = `systemd refuses the unit: ${error.message}`;
    throw new RuntimeError('InvalidSpec', message, { container: container.name, cause: error });
  }
  const { io = [] } = container;
  if (result === 'done' && io.length === 0) return;
  const unit = await units.get(name, options);
  if (result === 'done') {
    // With cgroup v1 systemd takes limits of operations a second, and does nothing about them.
    if (unit !== undefined && unit.mainPid > 0) await limitIo(unit.mainPid, io);
    return;
  }
  // A program that was executed and ended at once has had its start.
  const failure = unit === undefined ? undefined : startFailure(unit.exitStatus, container);
  if (unit !== undefined && failure === undefined) return;
  if (unit !== undefined) await units.remove(unit, options);
  const message = failure ?? `systemd could not start it: ${result}`;
  throw new RuntimeError('StartFailed', message, { container: container.name });
}
