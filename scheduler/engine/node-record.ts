/** What a Node offers, in the engine's words. Pure. */
import type { Node } from '../../api/kinds.gen.ts';
import type { Dimensions } from '../dimensions/built-in.ts';
import { capacityOf } from './amounts.ts';
import type { NodeRecord } from './request.ts';

/** Comma-separated names of the runtimes a node has; an annotation, or a label where there is only one. */
const runtimesAnnotation = 'berth.dev/runtimes';

/** Throws `QuantityError` when the node offers what is no quantity. */
export function nodeRecord(node: Node, dimensions: Dimensions): NodeRecord {
  const { name = '', labels = {} } = node.metadata;
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
    capacity: capacityOf(node.status?.allocatable ?? {}, dimensions),
  };
}

/** A node that says nothing has Docker. */
function runtimesOf({ metadata }: Node): readonly string[] {
  const list = metadata.annotations?.[runtimesAnnotation] ?? metadata.labels?.[runtimesAnnotation];
  if (list === undefined) return ['docker'];
  const names = list.split(',').map((name) => name.trim());
  return names.filter((name) => name !== '').sort();
}
