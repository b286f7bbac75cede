/** Pods and VMs that stand for what somebody else started, and those whose work is given away. */
import { mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type AdoptableObject,
  adoptAnnotation,
  releaseAnnotation,
  releaseObstacle,
} from '../../api/adoption.ts';
import type { Pod } from '../../api/kinds.gen.ts';
import { hasReason } from '../../api/status.ts';
import { resourceOf } from '../../client/instance.ts';
import type { CallOptions } from '../../lib/call.ts';
import { type InstanceStatus, type Runtime, RuntimeError } from '../../runtime/runtime.ts';
import { podDirectory } from '../files/volumes.ts';
import { containersOf, reportedStatus, type Waiting } from '../pod/pod-view.ts';
import type { PodContext } from './pod-context.ts';

export const adoptRetryMs = 10_000;

/** The object that would stand for what the runtime calls `name`. Throws what `describe` throws. */
export async function adoptableObject(
  runtimes: readonly Runtime[],
  { target, nodeName }: { readonly target: string; readonly nodeName: string },
  options: CallOptions,
): Promise<AdoptableObject> {
  const at = target.indexOf('/');
  const [runtimeName, name] = [target.slice(0, at), target.slice(at + 1)];
  const able = runtimes.filter(({ adopting }) => adopting !== undefined);
  const runtime = able.find((each) => each.name === runtimeName);
  if (runtime?.adopting === undefined || name === '') {
    const forms = able.map((each) => `${each.name}/NAME`).join(' or ');
    throw new RuntimeError('InvalidSpec', `"${target}" cannot be adopted here: name ${forms}`);
  }
  const found = await runtime.adopting.describe(name, options);
  const annotations = { [adoptAnnotation]: `${runtimeName}/${found.target}` };
  const { lacking } = found;
  if ('machine' in found) {
    const metadata = { name: found.name, annotations };
    const spec = { ...found.machine, nodeName };
    return { vm: { apiVersion: 'berth.dev/v1', kind: 'VM', metadata, spec }, lacking };
  }
  const metadata = { name: found.spec.containers[0]?.name ?? 'adopted', annotations };
  const spec = { ...found.spec, nodeName };
  return { pod: { apiVersion: 'v1', kind: 'Pod', metadata, spec }, lacking };
}

/** Whether the pod stands for something that runs already and has not been taken over yet. */
export function isToBeAdopted(pod: Pod, found: InstanceStatus | undefined): boolean {
  if (found !== undefined || pod.metadata.annotations?.[adoptAnnotation] === undefined) {
    return false;
  }
  return containersOf(pod).every(
    ({ name }) => reportedStatus(pod, name)?.containerID === undefined,
  );
}

/** What it is now; or for what it waits: nothing is ever started in its place. */
export async function adopt({
  pod,
  runtime,
  uid,
  signal,
  events,
}: PodContext): Promise<InstanceStatus | Waiting> {
  const target = pod.metadata.annotations?.[adoptAnnotation] ?? '';
  const { namespace = '', name = '' } = pod.metadata;
  try {
    const thing = target.slice(runtime.name.length + 1);
    const [container, ...more] = containersOf(pod);
    const fits = target.startsWith(`${runtime.name}/`) && thing !== '' && more.length === 0;
    if (runtime.adopting === undefined || !fits || container === undefined) {
      const message = `annotation ${adoptAnnotation} must be ${runtime.name}/NAME, on what has one container`;
      throw new RuntimeError('InvalidSpec', message);
    }
    const adopter = { instance: uid, namespace, name, container: container.name };
    await runtime.adopting.adopt(thing, adopter, { signal });
    const status = await runtime.get(uid, { signal });
    if (status === undefined) throw new RuntimeError('NotFound', `${target} has gone`);
    const message = `Adopted ${target}`;
    events.recordEvent({ involvedObject: pod, type: 'Normal', reason: 'Adopted', message });
    return status;
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.reason === 'Unavailable') throw error;
    const { message } = error;
    events.recordEvent({ involvedObject: pod, type: 'Warning', reason: 'FailedAdopt', message });
    return { reason: 'FailedAdopt', message };
  }
}

export function isReleaseWanted(pod: Pod): boolean {
  const isWanted = pod.metadata.annotations?.[releaseAnnotation] === 'true';
  return isWanted && releaseObstacle(pod) === undefined;
}

/** Its work goes on without us; then the pod goes. Safe to repeat. */
export async function release(context: PodContext): Promise<void> {
  const { pod, runtime, uid, signal, client, dataDir, events } = context;
  if (runtime.adopting === undefined) {
    const message = `what runs under ${runtime.name} cannot be released: delete it, or keep it`;
    events.recordEvent({ involvedObject: pod, type: 'Warning', reason: 'FailedRelease', message });
    return;
  }
  await runtime.adopting.release(uid, pod.spec.restartPolicy === 'Always', { signal });
  await keepFiles(dataDir, uid);
  const { namespace = '', name = '' } = pod.metadata;
  const options = { gracePeriodSeconds: 0, preconditions: { uid }, signal };
  await client.delete(resourceOf(pod), { namespace, name }, options).catch((error) => {
    if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
  });
}

/** What it has mounted stays mounted; where no pod is, its directory would be cleared away. */
async function keepFiles(dataDir: string, uid: string): Promise<void> {
  const kept = join(dataDir, 'released', uid);
  await mkdir(dirname(kept), { recursive: true, mode: 0o700 });
  await rename(podDirectory(dataDir, uid), kept).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
