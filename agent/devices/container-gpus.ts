/** Which of a pod's GPUs each of its containers gets. Pure. */
import type { Container, Pod } from '../../api/kinds.gen.ts';
import { parseQuantity } from '../../api/quantity.ts';
import type { GpuDevice } from '../../runtime/runtime.ts';
import { allocationOf } from './allocation.ts';

const gpuResource = 'berth.dev/gpu';
const wholeGpu = 1_000;
const nanoPerMilli = 1_000_000n;

/**
 * Containers that run together get their GPUs one after the other: who asks for whole ones first, then shares, of
 * which one is never cut in two. Init containers, which come before, start from the first again. Undefined on a node
 * without GPUs, where nobody needs to be kept from any.
 */
export function gpusOf(
  pod: Pod,
  container: Container,
  node: readonly (GpuDevice | undefined)[],
): readonly GpuDevice[] | undefined {
  if (node.length === 0) return undefined;
  const own = allocationOf(pod).gpus.flatMap((number) => node[number] ?? []);
  const asked = milliOf(container);
  if (asked === 0 || own.length === 0) return [];
  const init = pod.spec.initContainers ?? [];
  const comesBefore = (each: Container & { readonly restartPolicy?: string }) =>
    each.restartPolicy !== 'Always';
  if (init.some((each) => each.name === container.name && comesBefore(each)))
    return own.slice(0, Math.ceil(asked / wholeGpu));
  const together = [...init.filter((each) => !comesBefore(each)), ...pod.spec.containers];
  const shared = together.filter((each) => milliOf(each) > 0).sort(wholeFirst);
  let at = 0;
  for (const each of shared) {
    const milli = milliOf(each);
    const isCut = milli < wholeGpu && (at % wholeGpu) + milli > wholeGpu;
    if (isCut || milli >= wholeGpu) at = Math.ceil(at / wholeGpu) * wholeGpu;
    if (each.name === container.name) {
      const first = Math.min(at / wholeGpu, own.length - 1);
      return own.slice(Math.floor(first), Math.ceil((at + milli) / wholeGpu));
    }
    at += milli >= wholeGpu ? Math.ceil(milli / wholeGpu) * wholeGpu : milli;
  }
  return [];
}

function milliOf({ resources }: Container): number {
  const asked = resources?.requests?.[gpuResource] ?? resources?.limits?.[gpuResource];
  if (asked === undefined) return 0;
  const { nano } = parseQuantity(asked);
  return Number((nano + nanoPerMilli - 1n) / nanoPerMilli);
}

function wholeFirst(a: Container, b: Container): number {
  const isWhole = (each: Container) => (milliOf(each) >= wholeGpu ? 0 : 1);
  return isWhole(a) - isWhole(b);
}
