/** What a Node offers, in the engine's words. Pure. */
import type { Node } from '../../api/kinds.gen.ts';
import { runtimesOf } from '../../api/node-fit.ts';
import type { Dimensions } from '../dimensions/built-in.ts';
import { coresOf } from './node-cores.ts';
import { disksOf } from './node-disks.ts';
import { soldOf } from './node-sales.ts';
import type { NodeRecord } from './request.ts';

/** Comma-separated models of a node's GPUs, one entry per device: `T4,T4`; an empty one is of a device that has gone. */
const gpusAnnotation = 'berth.dev/gpus';

/** Throws `QuantityError` when the node offers what is no quantity. */
export function nodeRecord(node: Node, dimensions: Dimensions): NodeRecord {
  const { name = '', labels = {} } = node.metadata;
  const cores = coresOf(node);
  const disks = disksOf(node);
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  return {
    name,
    labels,
    traits: {
      ready: ready?.status ?? 'Unknown',
      unschedulable: node.spec?.unschedulable ?? false,
      taints: (node.spec?.taints ?? []).map(({ key, value = '', effect }) => ({
        key,
        value,
        effect,
      })),
      runtimes: runtimesOf(node),
    },
    capacity: soldOf(node, dimensions),
    ...gpusOf(node),
    ...(cores === undefined ? {} : { cores }),
    ...(disks.length === 0 ? {} : { disks }),
  };
}

function gpusOf({ metadata }: Node): Pick<NodeRecord, 'gpus'> {
  const list = metadata.annotations?.[gpusAnnotation];
  return list === undefined ? {} : { gpus: namesIn(list) };
}

/** By their numbers; nothing after the last that is there. */
function namesIn(list: string): string[] {
  const names = list.split(',').map((name) => name.trim());
  return names.slice(0, names.findLastIndex((name) => name !== '') + 1);
}
