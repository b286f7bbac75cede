import type { StrategyName } from '../engine/request.ts';
import { drained } from './drained.ts';
import { global } from './global.ts';
import { pack } from './pack/pack.ts';
import { spread } from './spread.ts';
import type { Strategy } from './strategy.ts';

const strategies = new Map<StrategyName, Strategy>(
  [spread, pack, global, drained].map((strategy) => [strategy.name, strategy]),
);

/** Undefined for strategies that are not available yet: Fill and Each choose sets of nodes, not one at a time. */
export function strategyOf(name: StrategyName): Strategy | undefined {
  return strategies.get(name);
}
