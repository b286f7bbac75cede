/** What a Node says of its cores, in its annotations. Pure. */
import type { Node } from '../../api/kinds.gen.ts';
import type { JsonValue } from '../../api/meta.ts';
import { parseQuantity } from '../../api/quantity.ts';
import { parseCpuList } from '../../lib/cpu-list.ts';
import { piecesPerCore } from '../dimensions/cpu-bound/cores.ts';
import type { NodeCores, NumaCores } from './request.ts';

/** Numbers of the cores, as Linux lists them: `0-23`. The agent writes it. */
const coresAnnotation = 'berth.dev/cores';

/** By number, the cores and the memory of each NUMA node: `{"0": {"cores": "0-11", "memory": "64Gi"}}`. As above. */
const numaAnnotation = 'berth.dev/numa-nodes';

/** How many times the processors are sold: `"1.5"`. For people to set. */
const oversellAnnotation = 'berth.dev/cpu-oversell';
const oversellMax = 100;

/** How many cores may be divided into fragments for bound instances: `"4"`; all when absent. For people to set. */
const maxSharedAnnotation = 'berth.dev/cpu-max-shared';

/** How many times the node's processors are sold; once unless a number from 1 to 100 stands there. */
export function oversellOf({ metadata }: Pick<Node, 'metadata'>): number {
  return numberOf(metadata.annotations?.[oversellAnnotation], 1, oversellMax) ?? 1;
}

/** Undefined for a node that names no cores: nothing can be bound to them. */
export function coresOf(node: Node): NodeCores | undefined {
  const { annotations = {} } = node.metadata;
  const ids = parseCpuList(annotations[coresAnnotation] ?? '') ?? [];
  if (ids.length === 0) return undefined;
  const maxShared = numberOf(annotations[maxSharedAnnotation], 0, Number.MAX_SAFE_INTEGER);
  return {
    ids,
    pieces: Math.floor(piecesPerCore * oversellOf(node)),
    numa: numaOf(annotations[numaAnnotation], ids),
    ...(maxShared === undefined ? {} : { maxShared }),
  };
}

/** With a single memory there is nothing to choose; neither where the words make no sense. */
function numaOf(text: string | undefined, ids: readonly number[]): readonly NumaCores[] {
  const nodes = Object.entries(objectOf(jsonOf(text))).map(([id, said]) => {
    const { cores, memory } = objectOf(said);
    const list = typeof cores === 'string' ? (parseCpuList(cores) ?? []) : [];
    const bytes = bytesOf(memory);
    return {
      id: Number(id),
      cores: list.map((core) => ids.indexOf(core)).filter((position) => position >= 0),
      ...(bytes === undefined ? {} : { memory: bytes }),
    };
  });
  const known = nodes.filter(({ id, cores }) => Number.isInteger(id) && cores.length > 0);
  return known.length > 1 ? known.sort((a, b) => a.id - b.id) : [];
}

/** Undefined for what is no number in that range: a node is not lost by a slip of the pen. */
function numberOf(text: string | undefined, least: number, most: number): number | undefined {
  const number = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
  return number >= least && number <= most ? number : undefined;
}

function bytesOf(value: JsonValue | undefined): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  try {
    return Number(parseQuantity(value).nano / 1_000_000_000n);
  } catch {
    return undefined;
  }
}

function jsonOf(text = '{}'): JsonValue {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function objectOf(value: JsonValue | undefined): { readonly [key: string]: JsonValue } {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as { readonly [key: string]: JsonValue }) : {}; // As just looked at.
}
