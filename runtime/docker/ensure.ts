import type { CallOptions } from '../../lib/call.ts';
import { keepInGroup } from '../cgroup-io.ts';
import { joinSegment } from '../network/join.ts';
import { type ContainerSpec, type InstanceSpec, RuntimeError } from '../runtime.ts';
import { shortId } from '../short-id.ts';
import { containerOptions, type NetworkSource, sandboxOptions } from './container-options.ts';
import type { Engine } from './engine.ts';
import { pauseImage } from './pause-image.ts';
import { attemptsOf, type Found } from './status.ts';

/** How long what could not be started may take to go; an engine that hangs must not hold us. */
const removeTimeoutMs = 10_000;

/** Brings the containers of one instance to `spec`; the caller runs it once at a time per instance. */
export async function ensureInstance(
  engine: Engine,
  spec: InstanceSpec,
  loadPauseImage: (options: CallOptions) => Promise<void>,
  options: CallOptions,
): Promise<void> {
  const found = await engine.find(spec.id, options);
  const wanted = new Set(spec.containers.map((container) => container.name));
  for (const one of found) {
    if (!one.sandbox && !wanted.has(one.containerName)) await engine.remove(one.info.Id, options);
  }
  // An address of a pool is not the engine's to give: a sandbox has it, whatever restarts in it.
  const several = spec.address !== undefined || (spec.sharedNetwork ?? spec.containers.length > 1);
  const shared = several && (spec.network === 'bridge' || spec.pid === 'shared');
  if (shared) await endThoseWithoutNetwork(engine, found, options);

  let network: NetworkSource | undefined;
  for (const container of spec.containers) {
    const attempts = await clearTheWay(engine, container, found, options);
    if (attempts === 'present') continue;
    network ??= shared
      ? await ensureSandbox(engine, spec, found, loadPauseImage, options)
      : { type: spec.network === 'host' ? 'host' : 'own' };
    const source =
      container.beside === undefined
        ? network
        : await besideOthers(engine, spec, container, network, options);
    await createAndStart(engine, spec, container, source, options);
  }
}

/** Where a container that joins others finds them: by what runs now, not by what ran before. */
async function besideOthers(
  engine: Engine,
  { id }: InstanceSpec,
  { name, beside }: ContainerSpec,
  network: NetworkSource,
  options: CallOptions,
): Promise<NetworkSource> {
  const running = (await engine.find(id, options)).filter((one) => one.info.State.Running);
  const fail = (what: string) => new RuntimeError('StartFailed', what, { container: name });
  const owner = running.find((one) => !one.info.HostConfig.NetworkMode?.startsWith('container:'));
  const target = running.find((one) => !one.sandbox && one.containerName === beside?.processesOf);
  if (beside?.processesOf !== undefined && target === undefined) {
    throw fail(`target container "${beside.processesOf}" is not running`);
  }
  if (network.type === 'own' && owner === undefined) throw fail('no container of it is running');
  const joined =
    network.type === 'own'
      ? `container:${owner?.info.Id}`
      : network.type === 'sandbox'
        ? `container:${network.sandboxId}`
        : 'host';
  return {
    type: 'beside',
    mode: joined,
    ...(target === undefined ? {} : { processesOfId: target.info.Id }),
  };
}

/** A dead sandbox took its network along: what still runs in it is cut off and must restart. */
async function endThoseWithoutNetwork(
  engine: Engine,
  found: readonly Found[],
  options: CallOptions,
): Promise<void> {
  const alive = found.find((one) => one.sandbox && one.info.State.Running);
  for (const one of found) {
    const lost = one.info.HostConfig.NetworkMode !== `container:${alive?.info.Id}`;
    if (!one.sandbox && one.info.State.Running && lost) await engine.kill(one.info.Id, options);
  }
}

/** Removes what stands in the way of the asked attempt, keeping the one before it. */
async function clearTheWay(
  engine: Engine,
  container: ContainerSpec,
  found: readonly Found[],
  options: CallOptions,
): Promise<'present' | 'absent'> {
  const attempts = attemptsOf(found, container.name);
  // A container that was never started is half made: nothing is lost by making it anew.
  const halfMade = attempts.filter((one) => one.info.State.Status === 'created');
  for (const one of halfMade) await engine.remove(one.info.Id, options);
  const [newest, ...older] = attempts.filter((one) => !halfMade.includes(one));
  if (newest === undefined) return 'absent';
  if (newest.attempt >= container.attempt) return 'present';
  if (newest.info.State.Running) await engine.kill(newest.info.Id, options);
  for (const one of older) await engine.remove(one.info.Id, options);
  return 'absent';
}

async function ensureSandbox(
  engine: Engine,
  spec: InstanceSpec,
  found: readonly Found[],
  loadPauseImage: (options: CallOptions) => Promise<void>,
  options: CallOptions,
): Promise<NetworkSource> {
  const sandboxes = found.filter((one) => one.sandbox);
  const alive = sandboxes.find((one) => one.info.State.Running);
  if (alive !== undefined) {
    await joinAddress(engine, spec, alive.info.Id, options);
    return { type: 'sandbox', sandboxId: alive.info.Id };
  }
  for (const dead of sandboxes) await engine.remove(dead.info.Id, options);
  await loadPauseImage(options);
  const request = sandboxOptions(engine.nodeId, spec, pauseImage);
  const sandboxId = await engine.create(request, undefined, options);
  await startOrRemove(engine, sandboxId, undefined, options);
  try {
    await joinAddress(engine, spec, sandboxId, options);
  } catch (error) {
    await removeAnyhow(engine, sandboxId);
    throw error;
  }
  return { type: 'sandbox', sandboxId };
}

/** The namespace of a sandbox that was made without a network gets the instance's address. */
async function joinAddress(
  engine: Engine,
  { id, address }: InstanceSpec,
  sandboxId: string,
  options: CallOptions,
): Promise<void> {
  if (address === undefined) return;
  const pid = (await engine.inspect(sandboxId, options))?.State.Pid ?? 0;
  if (pid === 0) throw new RuntimeError('StartFailed', 'the sandbox has ended by itself');
  try {
    await joinSegment(address, { pid }, shortId(engine.nodeId, id), options);
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof RuntimeError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new RuntimeError('StartFailed', `the network cannot be made: ${why}`, { cause: error });
  }
}

async function createAndStart(
  engine: Engine,
  spec: InstanceSpec,
  container: ContainerSpec,
  network: NetworkSource,
  options: CallOptions,
): Promise<void> {
  const request = containerOptions(engine.nodeId, spec, container, network, engine.logs);
  const id = await engine.create(request, container.name, options);
  await startOrRemove(engine, id, container.name, options);
  if (container.io === undefined) return;
  const pid = (await engine.inspect(id, options))?.State.Pid ?? 0;
  if (pid > 0) await keepInGroup(pid);
}

async function startOrRemove(
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

/**
 * Also when the caller has given up, so its signal is not asked here. A failure to remove is
 * swallowed: the first error says more, and the next `ensure` finds it half made.
 */
async function removeAnyhow(engine: Engine, id: string): Promise<void> {
  const signal = AbortSignal.timeout(removeTimeoutMs);
  await engine.remove(id, { signal }).catch(() => undefined);
}
