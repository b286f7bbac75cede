/** The table of pods. Source: Kubernetes v1.32, `pkg/printers/internalversion`, `printPod`. */
import { humanAge } from '../../../api/duration.ts';
import { count, type JsonRecord, record, records, text } from '../json-record.ts';
import { devicesOf } from './pod-devices.ts';
import {
  ageColumn,
  ageOf,
  column,
  nameColumn,
  nameOf,
  orNone,
  type TableDefinition,
} from './table-definition.ts';

export const podTable: TableDefinition = {
  columns: [
    nameColumn,
    column('Ready', 'How many of its containers are ready.'),
    column('Status', 'What the containers are doing, in one word.'),
    column('Restarts', 'How often its containers were restarted, and when last.'),
    ageColumn,
    column('IP', 'Its address.', 'wide'),
    column('Node', 'The node it is bound to.', 'wide'),
    column('Nominated Node', 'The node on which room is being made for it.', 'wide'),
    column('Readiness Gates', 'How many of its readiness gates are open.', 'wide'),
  ],
  cells(pod, nowMs) {
    const spec = record(pod['spec']);
    const status = record(pod['status']);
    const { ready, total, word, restarts, lastRestart } = summarize(pod);
    const ago = restarts > 0 && lastRestart !== '' ? ` (${humanAge(lastRestart, nowMs)} ago)` : '';
    return [
      nameOf(pod),
      `${ready}/${total}`,
      word,
      `${restarts}${ago}`,
      ageOf(pod, nowMs),
      orNone(text(records(status['podIPs'])[0]?.['ip']) || text(status['podIP'])),
      orNone(text(spec['nodeName'])),
      orNone(text(status['nominatedNodeName'])),
      readinessGates(spec, status),
    ];
  },
  ours: {
    column: column('Devices', 'What it was given of its node: cores, GPUs.', 'wide'),
    cell: devicesOf,
  },
  conditions(pod) {
    switch (record(pod['status'])['phase']) {
      case 'Succeeded':
        return [completed('Succeeded', 'The pod has completed successfully.')];
      case 'Failed':
        return [completed('Failed', 'The pod failed.')];
      default:
        return undefined;
    }
  },
};

function completed(reason: string, message: string): JsonRecord {
  return { type: 'Completed', status: 'True', reason, message };
}

interface Summary {
  ready: number;
  total: number;
  /** The Status column. */
  word: string;
  restarts: number;
  /** RFC 3339, empty if there was none. */
  lastRestart: string;
}

function summarize(pod: JsonRecord): Summary {
  const spec = record(pod['spec']);
  const status = record(pod['status']);
  const sidecars = new Set(records(spec['initContainers']).filter(isSidecar).map(containerName));
  const summary: Summary = {
    ready: 0,
    total: records(spec['containers']).length + sidecars.size,
    word: text(status['reason']) || text(status['phase']),
    restarts: 0,
    lastRestart: '',
  };
  if (conditionOf(status, 'PodScheduled')?.['reason'] === 'SchedulingGated') {
    summary.word = 'SchedulingGated';
  }
  const initializing = addInitContainers(summary, spec, status, sidecars);
  if (!initializing || conditionOf(status, 'Initialized')?.['status'] === 'True') {
    restartsOfSidecarsOnly(summary, status, sidecars);
    addContainers(summary, status);
  }
  summary.word = endWord(pod, status) ?? summary.word;
  return summary;
}

/** Adds init containers up to the first that has not finished; whether there is such a one. */
function addInitContainers(
  summary: Summary,
  spec: JsonRecord,
  status: JsonRecord,
  sidecars: ReadonlySet<string>,
): boolean {
  for (const [index, container] of records(status['initContainerStatuses']).entries()) {
    addRestarts(summary, container);
    const { waiting, terminated } = record(container['state']);
    if (terminated && count(record(terminated)['exitCode']) === 0) continue;
    if (sidecars.has(containerName(container)) && container['started'] === true) {
      if (container['ready'] === true) summary.ready += 1;
      continue;
    }
    const why = text(record(waiting)['reason']);
    if (terminated) summary.word = `Init:${terminatedWord(record(terminated))}`;
    else if (why !== '' && why !== 'PodInitializing') summary.word = `Init:${why}`;
    else summary.word = `Init:${index}/${records(spec['initContainers']).length}`;
    return true;
  }
  return false;
}

/** Once a pod is initialized, restarts of what initialized it no longer matter. */
function restartsOfSidecarsOnly(
  summary: Summary,
  status: JsonRecord,
  sidecars: ReadonlySet<string>,
): void {
  summary.restarts = 0;
  summary.lastRestart = '';
  for (const container of records(status['initContainerStatuses'])) {
    if (sidecars.has(containerName(container))) addRestarts(summary, container);
  }
}

function addContainers(summary: Summary, status: JsonRecord): void {
  let anyRunning = false;
  // From last to first, so that the first container has the last word.
  for (const container of records(status['containerStatuses']).toReversed()) {
    addRestarts(summary, container);
    const { waiting, terminated, running } = record(container['state']);
    const why = text(record(waiting)['reason']);
    if (why !== '') summary.word = why;
    else if (terminated) summary.word = terminatedWord(record(terminated));
    else if (container['ready'] === true && running) {
      anyRunning = true;
      summary.ready += 1;
    }
  }
  if (summary.word === 'Completed' && anyRunning) {
    const ready = conditionOf(status, 'Ready')?.['status'] === 'True';
    summary.word = ready ? 'Running' : 'NotReady';
  }
}

/** What being deleted or stopped says, whatever the containers do. */
function endWord(pod: JsonRecord, status: JsonRecord): string | undefined {
  const metadata = record(pod['metadata']);
  const ended = status['phase'] === 'Succeeded' || status['phase'] === 'Failed';
  if (text(metadata['deletionTimestamp']) !== '') {
    if (status['reason'] === 'NodeLost') return 'Unknown';
    return ended ? undefined : 'Terminating';
  }
  const running = record(metadata['annotations'])['berth.dev/running'];
  return running === 'false' && status['reason'] === 'Stopped' ? 'Stopped' : undefined;
}

function addRestarts(summary: Summary, container: JsonRecord): void {
  summary.restarts += count(container['restartCount']);
  const finished = text(record(record(container['lastState'])['terminated'])['finishedAt']);
  // Timestamps of one form compare as text.
  if (finished > summary.lastRestart) summary.lastRestart = finished;
}

function terminatedWord(terminated: JsonRecord): string {
  const reason = text(terminated['reason']);
  if (reason !== '') return reason;
  const signal = count(terminated['signal']);
  return signal === 0 ? `ExitCode:${count(terminated['exitCode'])}` : `Signal:${signal}`;
}

function readinessGates(spec: JsonRecord, status: JsonRecord): string {
  const gates = records(spec['readinessGates']);
  if (gates.length === 0) return '<none>';
  const open = gates.filter(
    (gate) => conditionOf(status, text(gate['conditionType']))?.['status'] === 'True',
  );
  return `${open.length}/${gates.length}`;
}

function conditionOf(status: JsonRecord, type: string): JsonRecord | undefined {
  return records(status['conditions']).find((condition) => condition['type'] === type);
}

function isSidecar(container: JsonRecord): boolean {
  return container['restartPolicy'] === 'Always';
}

function containerName(container: JsonRecord): string {
  return text(container['name']);
}
