/** Requests that say which nodes they mean: only these are looked at, and no index over all nodes is made for them. */
import type { NodeTerm } from '../../api/node-fit.ts';
import type { Strategy } from '../strategies/strategy.ts';
import { costFunction, domainRulesOf, withRules } from './evaluate.ts';
import type { PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';
import { refused } from './verdict.ts';

/** More names than this are as well looked for in an index. */
const namesMax = 64;

/** Nodes outside of which the request cannot go, in their order; undefined where it names none, or very many. */
export function namedNodes(request: PlacementRequest): readonly string[] | undefined {
  const { nodeAffinity, volumesOn = [] } = request;
  const [lying] = volumesOn;
  if (lying !== undefined) return [lying.node];
  if (nodeAffinity === undefined) return undefined;
  const named = new Set<string>();
  for (const term of nodeAffinity) {
    // It holds nowhere.
    if (term.labels.length + term.fields.length === 0) continue;
    const names = namesOf(term);
    if (names === undefined) return undefined;
    for (const name of names) named.add(name);
  }
  return named.size > namesMax ? undefined : [...named].sort();
}

function namesOf({ fields }: NodeTerm): readonly string[] | undefined {
  return fields.find(({ key, operator }) => key === 'metadata.name' && operator === 'in')?.values;
}

/** The index of the cheapest of them, the first by name among equals; undefined when none fits. */
export function bestOfNamed(
  snapshot: Snapshot,
  request: PlacementRequest,
  strategy: Strategy,
  names: readonly string[],
): number | undefined {
  const rules = domainRulesOf(snapshot.peers, request);
  const costOf = withRules(costFunction(snapshot, request, strategy), rules);
  let best: number | undefined;
  let least = refused;
  for (const name of names) {
    const index = snapshot.indexOf(name);
    const cost = index === undefined ? refused : costOf(index);
    if (cost >= least) continue;
    least = cost;
    best = index;
  }
  return best;
}
