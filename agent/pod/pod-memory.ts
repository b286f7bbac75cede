/** What the agent remembers about a pod between two passes; losing it costs no correctness. */
import type { CniAttachment } from '../../runtime/cni/cni.ts';
import type { MachineChanges } from '../../runtime/machine.ts';
import type { ContainerState } from '../../runtime/runtime.ts';

/** Waits of a container that keeps failing: 10 s, doubling to 5 min. Source: kubelet's defaults. */
export const backoffFirstMs = 10_000;
export const backoffMaxMs = 300_000;
/** A container that ran so long starts over with its backoff. */
export const backoffResetMs = 600_000;

/** A start that failed; the runtime keeps nothing of it. */
interface StartFailure {
  readonly attempt: number;
  readonly state: Extract<ContainerState, { phase: 'exited' }>;
}

export interface ImageFailure {
  readonly reason: 'ErrImagePull' | 'ErrImageNeverPull' | 'InvalidImageName';
  readonly message: string;
  readonly delayMs: number;
  readonly untilMs: number;
  /** That it waits has been told. */
  backOffTold?: boolean;
}

export interface ContainerMemory {
  /** How long the next restart waits after the end of the attempt before it. */
  crashDelayMs?: number;
  startFailure?: StartFailure;
  imageFailure?: ImageFailure;
  /** The attempt after which it was last said that the next one waits. */
  backOffTold?: number;
  /** Why its specification could not be made at the last try. */
  configError?: string;
  /** The attempt that a probe has ended; it starts again whatever its exit code. */
  killedId?: string;
  /** It ended because the pod was stopped, and shall run again: without waiting, as soon as it can. */
  resumed?: boolean;
}

/** A token of the pod's service account. */
export interface IssuedToken {
  readonly token: string;
  readonly endsAtMs: number;
  /** When a new one is asked for. */
  readonly refreshAtMs: number;
}

/** Networks by CNI as they were seen at the last look. */
export interface SeenNetworks {
  readonly attachments: readonly CniAttachment[];
  /** Absent before the first time, which is after the first look: a start does not wait for it. */
  readonly checkedAtMs?: number;
  /** What the plugins find wrong. */
  readonly trouble?: string;
}

export class PodMemory {
  readonly #containers = new Map<string, ContainerMemory>();
  /** Last words of what has ended, by container id; empty where there were none. */
  readonly messages = new Map<string, string>();
  /** Why the node ends it for good. */
  eviction?: string;
  /** By what was asked for; as many as the pod's volumes name. */
  readonly tokens = new Map<string, IssuedToken>();
  /** How often something changed, or may have, that the files of its volumes come from. */
  sourceChanges = 0;
  /** Its networks by CNI, while it runs with some. */
  networks?: SeenNetworks;
  /** As of which of these changes its files were last written, and with which labels and annotations. */
  written: { readonly sourceChanges: number; readonly metadata: string } | undefined;
  /** Containers were started again after a stop, but the API may still say `Stopped`. */
  resumed = false;
  /** Volumes that its group was given, by the names it claims. */
  readonly given = new Set<string>();
  /** The limits of its volumes that were last set. */
  limitsKey = '';
  /** The limits of the node's disk that it was held to last. */
  diskLimits?: string;
  /** The processors its containers were last put on. */
  cpus?: string;
  /** How a machine that runs was last brought to what its VM says. */
  adjusted?: { readonly key: string; readonly atMs: number; readonly changes: MachineChanges };
  /** When a machine that halted because of its disk was last told to go on. */
  goneOnAtMs?: number;
  /** Secrets with credentials of which it was told that they cannot be read. */
  missingPullSecrets = '';

  of(container: string): ContainerMemory {
    const known = this.#containers.get(container) ?? {};
    this.#containers.set(container, known);
    return known;
  }
}

/** The next wait after `delayMs`. */
export function nextDelayMs(delayMs: number | undefined): number {
  return delayMs === undefined ? backoffFirstMs : Math.min(delayMs * 2, backoffMaxMs);
}
