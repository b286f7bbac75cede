import type { CallOptions } from '../../lib/call.ts';
import { keepInGroup } from '../cgroup-io.ts';
import { type ContainerSpec, type InstanceSpec, RuntimeError } from '../runtime.ts';
import { containerOptions, type NetworkSource } from './container-options.ts';
import type { Engine } from './engine.ts';
import { ensureSandbox, isShared, type SandboxTools, startOrRemove } from './sandbox.ts';
import { attemptsOf, type Found } from './status.ts';

/** Brings the containers of one instance to `spec`; the caller runs it once at a time per instance. */
export async function ensureInstance(
  tools: SandboxTools,
  spec: InstanceSpec,
  options: CallOptions,
): Promise<void> {
  const { engine } = tools;
  const found = await engine.find(spec.id, options);
  const wanted = new Set(spec.containers.map((container) => container.name));
  for (const one of found) {
    if (!one.sandbox && !wanted.has(one.containerName)) await engine.remove(one.info.Id, options);
  }
  const shared = isShared(spec);
  if (shared) await endThoseWithoutNetwork(engine, found, options);

  let network: NetworkSource | undefined;
  for (const container of spec.containers) {
    const attempts = await clearTheWay(engine, container, found, options);
    if (attempts === 'present') continue;
    network ??= shared
      ? await ensureSandbox(tools, spec, found, options)
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
