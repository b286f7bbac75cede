/** What stands in the way, and the smallest change that takes it away, in words. Pure. */
import type { WhyClass, WhyObstacle } from '../../api/kinds.gen.ts';
import {
  type Change,
  messageOf,
  type NodeClass,
  type Obstacle,
  type Reasons,
  type Shortage,
} from '../engine/reasons.ts';

/** As the API tells it. */
export function whyClass(nodeClass: NodeClass): WhyClass {
  const { nodes, nearest, obstacles } = nodeClass;
  return {
    nodes,
    example: nearest,
    obstacles: obstacles.map((obstacle) => whyObstacle(obstacle, nearest)),
  };
}

function whyObstacle(obstacle: Obstacle, node: string): WhyObstacle {
  if (obstacle.type === 'rule') {
    const { rule, reason, changes } = obstacle;
    return { rule, reason, changes: changes.map((change) => changeText(change, node)) };
  }
  const { dimension, resource, reason, text } = obstacle;
  const { missing = String(obstacle.missing) } = text;
  return {
    dimension,
    resource,
    reason,
    asked: text.asked,
    free: text.free,
    missing,
    changes: [shortageText(obstacle, missing, node)],
  };
}

/** Kubernetes' words first, then the change that is nearest. */
export function refusalText(reasons: Reasons): string {
  const change = nearestChange(reasons);
  return change === '' ? messageOf(reasons) : `${messageOf(reasons)} Nearest: ${change}.`;
}

/** One line: what would have to change where least is in the way; empty where no node is. */
function nearestChange({ classes }: Reasons): string {
  const nearest = nearestClass(classes);
  if (nearest === undefined || nearest.obstacles.length === 0) return '';
  const changes = nearest.obstacles.flatMap(
    (obstacle) => whyObstacle(obstacle, nearest.nearest).changes ?? [],
  );
  return changes.join('; ');
}

/** The class of nodes where least is in the way. */
export function nearestClass(classes: readonly NodeClass[]): NodeClass | undefined {
  return classes.toSorted((a, b) => hardness(a) - hardness(b))[0];
}

/** A node that is gone does not come back by wishing; else what is nearest is what lacks least. */
function hardness({ obstacles }: NodeClass): number {
  let sum = 0;
  for (const obstacle of obstacles) {
    if (obstacle.type === 'shortage') sum += 1 + obstacle.missing / Math.max(1, obstacle.asked);
    else sum += obstacle.rule === 'ready' ? 1000 : 2 * Math.max(1, obstacle.changes.length);
  }
  return sum;
}

function shortageText(shortage: Shortage, missing: string, node: string): string {
  const { resource, asked, missing: amount, capacity = asked, remedy, text } = shortage;
  if (remedy !== undefined) return `${remedy} on node ${node}`;
  if (resource === 'pods') return `let a pod go from node ${node}, or raise its number of pods`;
  // Nobody can free what the node does not have.
  if (asked > capacity && amount < asked)
    return `lower ${resource} by ${missing}, since node ${node} has ${text.capacity} in all`;
  if (asked > capacity) return `have ${text.asked} of ${resource} on node ${node}`;
  // Nothing would be left to ask for.
  if (amount >= asked) return `free ${missing} of ${resource} on node ${node}`;
  return `lower ${resource} by ${missing}, or free ${missing} of it on node ${node}`;
}

function changeText(change: Change, node: string): string {
  switch (change.type) {
    case 'label':
      return `label node ${node} with ${change.label}=${change.value}, or ask for another label`;
    case 'nodeAffinity': {
      const { key, operator, values } = change;
      const what = values.length === 0 ? operator : `${operator} (${values.join(', ')})`;
      return `let node ${node} meet "${key} ${what}", or change the node affinity`;
    }
    case 'untaint': {
      const { key, value, effect } = change;
      const taint = `${key}${value === '' ? '' : `=${value}`}:${effect}`;
      return `tolerate ${taint}, or take that taint from node ${node}`;
    }
    case 'uncordon':
      return `uncordon node ${node}`;
    case 'ready':
      return `bring node ${node} back (its agent does not report it ready)`;
    case 'runtime':
      return `give node ${node} the runtime ${change.runtime}, or choose another one`;
    case 'volume':
      return `make room on node ${change.node}, or use another volume than "${change.volume}"`;
    case 'maxPerNode':
      return `raise placement.maxPerNode to ${change.maxPerNode}`;
    case 'topologyLabel':
      return `give node ${node} the label ${change.label}`;
    case 'podAffinity':
      return `place a pod that the affinity means where ${change.topologyKey}=${change.domain}`;
    case 'podAntiAffinity': {
      const { pods, topologyKey, domain } = change;
      const what = pods === 1 ? 'the pod' : `the ${pods} pods`;
      return `let ${what} that the anti-affinity means go from ${topologyKey}=${domain}`;
    }
    case 'maxSkew':
      return `raise maxSkew for ${change.topologyKey} to ${change.maxSkew}`;
  }
}
