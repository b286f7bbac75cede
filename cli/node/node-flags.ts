/** What a node is told when it starts, whether its server runs beside it or elsewhere. */
import type { Command } from 'commander';
import { addCniOptions, type CniCommandOptions, type CniFlags, cniFlags, cniOf } from './cni.ts';
import {
  addThresholdOptions,
  type ThresholdCommandOptions,
  type ThresholdFlags,
  thresholdFlags,
  thresholdsOf,
} from './thresholds.ts';

export interface NodeFlags extends CniFlags, ThresholdFlags {}

/** What commander hands over. */
export interface NodeCommandOptions extends CniCommandOptions, ThresholdCommandOptions {}

export function addNodeOptions(command: Command): Command {
  return addThresholdOptions(addCniOptions(command));
}

/** Only what was said. */
export function nodeFlags(options: NodeCommandOptions): NodeFlags {
  return { ...cniFlags(options), ...thresholdFlags(options) };
}

/** Of a whole configuration. */
export function nodeFlagsOf(config: NodeFlags): NodeFlags {
  return { ...cniOf(config), ...thresholdsOf(config) };
}
