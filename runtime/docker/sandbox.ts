/** The container that holds the network of an instance whose network is not one container's own. */
import { readFile, writeFile } from 'node:fs/promises';
import type { CallOptions } from '../../lib/call.ts';
import { type CniAttachment, hasMain } from '../cni/cni.ts';
import type { CniNetworks } from '../cni/networks.ts';
import { portsOf } from '../instance-ports.ts';
import { joinSegment } from '../network/join.ts';
import {
  nameNamespace,
  namespaceId,
  namespaceOf,
  namespacePath,
  removeNamespace,
} from '../network/namespace.ts';
import { publishPool, unpublishPorts } from '../network/publish.ts';
import { formatResolvConf } from '../network/resolv-conf.ts';
import { type InstanceSpec, RuntimeError } from '../runtime.ts';
import { shortId } from '../short-id.ts';
import { type NetworkSource, sandboxOptions } from './container-options.ts';
import type { Engine } from './engine.ts';
import { pauseImage } from './pause-image.ts';
import type { Found } from './status.ts';

export interface SandboxTools {
  readonly engine: Engine;
  readonly loadPauseImage: (options: CallOptions) => Promise<void>;
  /** Absent: the node has no networks by CNI. */
  readonly cni: CniNetworks | undefined;
}

/** How long what could not be started may take to go; an engine that hangs must not hold us. */
const removeTimeoutMs = 10_000;

/** An address of a pool, or a network by CNI, is not the engine's to give: a sandbox has it, whatever restarts in it. */
export function isShared(spec: InstanceSpec): boolean {
  const { address, cni = [], sharedNetwork, containers } = spec;
  const several = address !== undefined || cni.length > 0;
  const shared = several || (sharedNetwork ?? containers.length > 1);
  return shared && (spec.network === 'bridge' || spec.pid === 'shared');
}

/** One that runs, with all that the instance is to have; made anew when it has ended. */
export async function ensureSandbox(
  tools: SandboxTools,
  spec: InstanceSpec,
  found: readonly Found[],
  options: CallOptions,
): Promise<NetworkSource & { readonly attachments: readonly CniAttachment[] }> {
  const { engine, loadPauseImage } = tools;
  const sandboxes = found.filter((one) => one.sandbox);
  const alive = sandboxes.find((one) => one.info.State.Running);
  if (alive !== undefined) {
    const attachments = await joinNetworks(tools, spec, alive.info.Id, options);
    return { type: 'sandbox', sandboxId: alive.info.Id, attachments };
  }
  for (const dead of sandboxes) await engine.remove(dead.info.Id, options);
  await loadPauseImage(options);
  const request = sandboxOptions(engine.nodeId, spec, pauseImage);
  const sandboxId = await engine.create(request, undefined, options);
  await startOrRemove(engine, sandboxId, undefined, options);
  try {
    const attachments = await joinNetworks(tools, spec, sandboxId, options);
    return { type: 'sandbox', sandboxId, attachments };
  } catch (error) {
    await removeAnyhow(engine, sandboxId);
    throw error;
  }
}

/** Takes back what it publishes, what it has by CNI, and the name of its namespace. */
export async function leaveNetworks(
  { engine, cni }: Pick<SandboxTools, 'engine' | 'cni'>,
  id: string,
  options: CallOptions,
): Promise<void> {
  await unpublishPorts(shortId(engine.nodeId, id), options);
  if (cni === undefined || !(await cni.holders()).includes(id)) return;
  await cni.detach(id, options);
  await removeNamespace(namespaceOf(shortId(engine.nodeId, id)), options);
}

export async function startOrRemove(
  engine: Engine,
  id: string,
  container: string | undefined,
  options: CallOptions,
): Promise<void> {
  try {
    await engine.start(id, container, options);
  } catch (error) {
    await removeAnyhow(engine, id);
    throw error;
  }
}

/** The namespace of a sandbox gets the instance's address, and its networks by CNI. */
async function joinNetworks(
  tools: SandboxTools,
  spec: InstanceSpec,
  sandboxId: string,
  options: CallOptions,
): Promise<readonly CniAttachment[]> {
  const { engine } = tools;
  const { id, address, cni = [] } = spec;
  if (address === undefined && cni.length === 0) return [];
  const sandbox = await engine.inspect(sandboxId, options);
  const pid = sandbox?.State.Pid ?? 0;
  if (pid === 0) throw new RuntimeError('StartFailed', 'the sandbox has ended by itself');
  try {
    if (address !== undefined && !hasMain(cni)) {
      const key = shortId(engine.nodeId, id);
      await joinSegment(address, { pid }, key, options);
      await publishPool(key, address, portsOf(spec), options);
    }
    if (cni.length === 0) return [];
    const attachments = await joinByCni(tools, spec, pid, options);
    await resolveNames(sandbox?.ResolvConfPath, spec);
    return attachments;
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof RuntimeError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new RuntimeError('StartFailed', `the network cannot be made: ${why}`, { cause: error });
  }
}

/** By its name the namespace outlives the sandbox, so that plugins can clean up in it. */
async function joinByCni(
  { engine, cni }: SandboxTools,
  { id, namespace, name, cni: requests = [] }: InstanceSpec,
  pid: number,
  options: CallOptions,
): Promise<readonly CniAttachment[]> {
  if (cni === undefined) {
    throw new RuntimeError('InvalidSpec', 'this node has no networks by CNI');
  }
  const own = namespaceOf(shortId(engine.nodeId, id));
  const path = namespacePath(own);
  const [named, real] = await Promise.all([namespaceId(path), namespaceId(`/proc/${pid}/ns/net`)]);
  if (named !== real) {
    // Of a sandbox that has ended: what was in it is taken back while it can still be entered.
    if (named !== undefined) await cni.detach(id, options);
    await removeNamespace(own, options);
    await nameNamespace(own, pid, options);
  }
  try {
    return await cni.attach({ id, namespace, name }, path, requests, options);
  } catch (error) {
    const { signal } = new AbortController();
    if (!(await cni.holders()).includes(id)) await removeNamespace(own, { signal });
    throw error;
  }
}

/**
 * What is asked about names may be known only when the network is there. Containers that join the
 * sandbox have its file before them. Source: dockershim, `rewriteResolvFile`.
 */
async function resolveNames(path: string | undefined, { dns }: InstanceSpec): Promise<void> {
  if (path === undefined || path === '' || dns === undefined) return;
  const text = formatResolvConf(dns);
  const before = await readFile(path, 'utf8');
  // In place: those that run have this very file.
  if (before !== text) await writeFile(path, text);
}

/**
 * Also when the caller has given up, so its signal is not asked here. A failure to remove is
 * swallowed: the first error says more, and the next `ensure` finds it half made.
 */
async function removeAnyhow(engine: Engine, id: string): Promise<void> {
  const signal = AbortSignal.timeout(removeTimeoutMs);
  await engine.remove(id, { signal }).catch(() => undefined);
}
