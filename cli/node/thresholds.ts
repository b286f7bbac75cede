/**
 * When a node collects images and says that it is short of something: the kubelet's flags, in its formats. Source: Kubernetes
 * "Garbage Collection" and "Node-pressure Eviction".
 */
import type { Command } from 'commander';
import type { AgentOptions } from '../../agent/agent-options.ts';
import { defaultPolicy } from '../../agent/node-images/collection.ts';
import { leastOf, type PressureThresholds } from '../../agent/pressure/pressure.ts';
import { durationMs, wholeNumber } from '../command.ts';
import { usage } from '../failure.ts';

export interface ThresholdFlags {
  /** Percent of the disk; default 85. */
  readonly imageGcHigh?: number;
  /** Default 80. */
  readonly imageGcLow?: number;
  /** Default 2 minutes. */
  readonly imageTtlMs?: number;
  /** As `--eviction-hard` takes it. */
  readonly evictionHard?: string;
}

/** What commander hands over. */
export interface ThresholdCommandOptions {
  readonly imageGcHighThreshold?: number;
  readonly imageGcLowThreshold?: number;
  readonly minimumImageTtlDuration?: number;
  readonly evictionHard?: string;
}

const [highFlag, lowFlag] = ['--image-gc-high-threshold', '--image-gc-low-threshold'];
const hard = '--eviction-hard';

const signals: Readonly<Record<string, keyof PressureThresholds>> = {
  'memory.available': 'memoryAvailable',
  'nodefs.available': 'nodefsAvailable',
  'nodefs.inodesFree': 'nodefsInodesFree',
  'pid.available': 'pidAvailable',
};
/** What is said of some is not said of the others, which are off then. */
const off: PressureThresholds = {
  memoryAvailable: '0',
  nodefsAvailable: '0',
  nodefsInodesFree: '0',
  pidAvailable: '0',
};

export function addThresholdOptions(command: Command): Command {
  return command
    .option(
      `${highFlag} <percent>`,
      'unused images are removed when so much of their disk is used; 100 = never (default: 85)',
      wholeNumber(highFlag, 0, 100),
    )
    .option(
      `${lowFlag} <percent>`,
      'until no more than this is used (default: 80)',
      wholeNumber(lowFlag, 0, 100),
    )
    .option(
      '--minimum-image-ttl-duration <duration>',
      'younger images stay (default: 2m)',
      durationMs,
    )
    .option(
      `${hard} <thresholds>`,
      'when the node is short of something and takes nobody new; what is not named is off, "" = all ' +
        '(default: memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,pid.available<5%)',
      (text) => {
        parseEvictionHard(text);
        return text;
      },
    );
}

/** Only what was said. */
export function thresholdFlags(options: ThresholdCommandOptions): ThresholdFlags {
  const { imageGcHighThreshold: high, imageGcLowThreshold: low } = options;
  const { minimumImageTtlDuration: ttl, evictionHard } = options;
  return {
    ...(high === undefined ? {} : { imageGcHigh: high }),
    ...(low === undefined ? {} : { imageGcLow: low }),
    ...(ttl === undefined ? {} : { imageTtlMs: ttl }),
    ...(evictionHard === undefined ? {} : { evictionHard }),
  };
}

/** Of all that a node is told, what is about thresholds. */
export function thresholdsOf(flags: ThresholdFlags): ThresholdFlags {
  const { imageGcHigh, imageGcLow, imageTtlMs, evictionHard } = flags;
  return {
    ...(imageGcHigh === undefined ? {} : { imageGcHigh }),
    ...(imageGcLow === undefined ? {} : { imageGcLow }),
    ...(imageTtlMs === undefined ? {} : { imageTtlMs }),
    ...(evictionHard === undefined ? {} : { evictionHard }),
  };
}

/** Throws a usage error where what was said now does not go with what holds besides. */
export function checkThresholds({ imageGcHigh, imageGcLow }: ThresholdFlags): void {
  const high = imageGcHigh ?? defaultPolicy.highPercent;
  const low = imageGcLow ?? defaultPolicy.lowPercent;
  if (low < high || (low === high && high === 100)) return;
  throw usage(`${lowFlag} must be less than ${highFlag}, ${high}, not ${low}: set both`);
}

/** For the agent. */
export function thresholdSettings(
  flags: ThresholdFlags,
): Pick<AgentOptions, 'imageCollection' | 'pressure'> {
  const { imageGcHigh, imageGcLow, imageTtlMs, evictionHard } = flags;
  return {
    imageCollection: {
      // A disk that is full to its last byte has more than all of it used.
      ...(imageGcHigh === undefined
        ? {}
        : { highPercent: imageGcHigh === 100 ? 101 : imageGcHigh }),
      ...(imageGcLow === undefined ? {} : { lowPercent: imageGcLow }),
      ...(imageTtlMs === undefined ? {} : { minAgeMs: imageTtlMs }),
    },
    ...(evictionHard === undefined ? {} : { pressure: parseEvictionHard(evictionHard) }),
  };
}

/** Throws a usage error that names the part. */
export function parseEvictionHard(text: string): PressureThresholds {
  const thresholds = { ...off };
  const seen = new Set<string>();
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const [signal = '', value = '', ...more] = part.split('<').map((word) => word.trim());
    const field = signals[signal];
    if (field === undefined) throw usage(`${hard} knows no "${signal}": ${remedyFor(signal)}`);
    if (value === '' || more.length > 0) {
      throw usage(`${hard}: "${part}" must be written ${signal}<100Mi or ${signal}<10%`);
    }
    if (seen.has(signal)) throw usage(`${hard}: ${signal} is given twice`);
    seen.add(signal);
    thresholds[field] = checkedValue(signal, value);
  }
  return thresholds;
}

function remedyFor(signal: string): string {
  const takes = `it takes ${Object.keys(signals).join(', ')}`;
  if (!/^(imagefs|containerfs)\./.test(signal)) return takes;
  return `${takes}; of the disk with the images say ${highFlag}`;
}

function checkedValue(signal: string, value: string): string {
  try {
    if (leastOf(value, 0) >= 0) return value;
  } catch {
    // Told below.
  }
  throw usage(
    `${hard}: ${signal} must be a share from 0% to 100% or a quantity such as 1Gi, not "${value}"`,
  );
}
