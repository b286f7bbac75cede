/** The Jobs of a Cron. Pure. */
import type { Workload, WorkloadSpec } from '../../api/kinds.gen.ts';
import { workloads } from '../../api/resources.gen.ts';
import { controllerReference } from '../kit/pass.ts';
import { workloadLabel } from '../workload/plan.ts';
import { baseName, labelValue } from '../workload/pod-object.ts';

/** On a Job: the time in the schedule that it is for. */
export const scheduledAnnotation = 'berth.dev/scheduled-at';

/** Upstream's, on Jobs that somebody asked for. */
const instantiateAnnotation = 'berth.dev/instantiate';

const cronLabel = 'berth.dev/cron';

/** By the minute, so that one time has one Job whoever makes it, and how often. */
export function scheduledName(cron: Workload, timeMs: number): string {
  return `${baseName(cron.metadata.name ?? '')}-${Math.floor(timeMs / 60_000)}`;
}

export function scheduledJob(cron: Workload, timeMs: number): Workload {
  const at = new Date(timeMs).toISOString().replace('.000Z', 'Z');
  return jobOf(cron, scheduledName(cron, timeMs), { [scheduledAnnotation]: at });
}

export function manualName(cron: Workload, suffix: string): string {
  return `${baseName(cron.metadata.name ?? '')}-manual-${suffix}`;
}

/** As if its time had come; also of a suspended Cron. */
export function manualJob(cron: Workload, name: string): Workload {
  return jobOf(cron, name, { [instantiateAnnotation]: 'manual' });
}

function jobOf(cron: Workload, name: string, annotations: Readonly<Record<string, string>>) {
  const { namespace, labels } = cron.metadata;
  const own = { [workloadLabel]: labelValue(name) };
  const { template, ...spec } = jobSpec(cron.spec);
  const { metadata } = template;
  const job: Workload = {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...labels, [cronLabel]: labelValue(cron.metadata.name ?? '') },
      annotations,
      ownerReferences: [controllerReference(workloads, cron)],
    },
    spec: {
      ...spec,
      type: 'Job',
      // Each Job's pods are its own, whatever the Cron selects.
      selector: { matchLabels: own },
      template: { ...template, metadata: { ...metadata, labels: { ...metadata?.labels, ...own } } },
    },
  };
  return job;
}

function jobSpec(spec: WorkloadSpec): WorkloadSpec {
  const {
    schedule: _schedule,
    timeZone: _timeZone,
    concurrencyPolicy: _concurrencyPolicy,
    startingDeadlineSeconds: _startingDeadlineSeconds,
    successfulJobsHistoryLimit: _successfulJobsHistoryLimit,
    failedJobsHistoryLimit: _failedJobsHistoryLimit,
    running: _running,
    ...rest
  } = spec;
  return rest;
}

export function scheduledAtMs({ metadata }: Workload): number | undefined {
  const ms = Date.parse(metadata.annotations?.[scheduledAnnotation] ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
