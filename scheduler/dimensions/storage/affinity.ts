/** New volumes for an instance that changes what it asks: each binding stays where it is. Pure. */
import type { VolumeBinding } from './binding.ts';
import type { NodeVolumes, VolumePlan, VolumeShare } from './volumes.ts';

/**
 * The shares of `bindings`, where `held` is what the instance has, still taken from `node`. Equal by path: such a
 * binding keeps its volume, mono ones move together, new ones go to the volumes that it has before others. Undefined
 * when that cannot be. Changes nothing.
 */
export function volumesNear(
  node: NodeVolumes,
  held: VolumePlan,
  bindings: readonly VolumeBinding[],
): VolumePlan | undefined {
  const trial = node.copy();
  trial.release(held);
  const shares = new Map<VolumeBinding, VolumeShare>();
  const before = new Map(held.map((share) => [share.binding.path, share]));
  const monos = bindings.filter(({ kind }) => kind === 'mono');
  const keepOf = (binding: VolumeBinding) => {
    const share = before.get(binding.path);
    return share?.binding.kind === 'mono' ? undefined : share;
  };
  // What has a place is settled before what is new.
  const others = bindings.filter(({ kind }) => kind !== 'mono');
  const kept = others.filter((binding) => keepOf(binding) !== undefined);
  for (const binding of [...kept, ...others.filter((b) => !kept.includes(b))]) {
    const share = stay(trial, binding, keepOf(binding), held);
    if (share === undefined) return undefined;
    trial.take([share]);
    shares.set(binding, share);
  }
  if (monos.length > 0) {
    const home = monos.flatMap(({ path }) => before.get(path) ?? [])[0];
    const placed = trial.placeMonos(monos, home?.binding.kind === 'mono' ? home.volume : undefined);
    if (placed === undefined) return undefined;
    for (const share of placed) shares.set(share.binding, share);
  }
  return bindings.flatMap((binding) => shares.get(binding) ?? []);
}

function stay(
  node: NodeVolumes,
  binding: VolumeBinding,
  before: VolumeShare | undefined,
  held: VolumePlan,
): VolumeShare | undefined {
  const size = binding.kind === 'normal' ? binding.size : 0;
  if (binding.kind === 'mount') return node.plan([binding])?.[0];
  if (before !== undefined) {
    const share = { binding, volume: before.volume, size };
    return node.canTake(share) ? share : undefined;
  }
  const near = held
    .filter((share) => share.binding.kind === 'normal')
    .map(({ volume }) => ({ binding, volume, size }))
    .find((share) => node.canTake(share));
  return near ?? node.plan([binding])?.[0];
}
