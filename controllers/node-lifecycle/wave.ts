/** More than this share of the nodes, and more than `waveMin`, is a wave. */
const waveShare = 0.55;
const waveMin = 2;

/**
 * Whether so many nodes look dead at once that it is rather the control plane that is cut off; also
 * when none is left that could take over. Source: kube-controller-manager, `ComputeZoneState`.
 */
export function isWave(nodes: number, disturbed: number): boolean {
  if (disturbed === 0) return false;
  return disturbed === nodes || (disturbed > waveMin && disturbed / nodes > waveShare);
}
