/** What an instance is. */
import type { InstanceId } from './instance-parts.ts';
import type { MachineStatus } from './machine.ts';

/** What really runs, as the runtime tells it. */
export interface InstanceStatus {
  readonly id: InstanceId;
  readonly namespace: string;
  readonly name: string;
  /** Addresses inside the instance; empty while none is up. */
  readonly ips: readonly string[];
  /** The newest attempt of each container, and the one before it. */
  readonly containers: readonly ContainerStatus[];
  /** Of virtual machines. */
  readonly machine?: MachineStatus;
}

export interface ContainerStatus {
  readonly name: string;
  readonly attempt: number;
  /** `docker://<id>` and the like. */
  readonly containerId: string;
  readonly image: string;
  readonly imageId: string;
  readonly state: ContainerState;
  /** How the attempt before this one ended, where there was one. */
  readonly previous?: Extract<ContainerState, { phase: 'exited' }> & {
    readonly containerId: string;
  };
}

export type ContainerState =
  | { readonly phase: 'created' }
  | {
      readonly phase: 'running';
      readonly startedAtMs: number;
      /** Halted where it is: it does nothing, and keeps all that it has. */
      readonly paused?: true;
    }
  | {
      readonly phase: 'exited';
      readonly exitCode: number;
      readonly oomKilled: boolean;
      readonly startedAtMs: number;
      readonly finishedAtMs: number;
      /** The engine's own words when it could not be started. */
      readonly message?: string;
    };
