/** Workloads that end: defaults and checks of the types Job and Cron. */
import { asArray, asObject, asString, at, child, equal } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { CronError, parseCron } from '../../lib/cron-schedule.ts';
import { forbiddenField, invalidValue, notSupported, required } from '../schema/field-error.ts';

/** Each pod carries it, with the name of its workload. */
const workloadLabel = 'berth.dev/workload';

/** Longer names do not fit into a label. */
const labelMax = 63;

const ofJobs = [
  'completions',
  'backoffLimit',
  'activeDeadlineSeconds',
  'ttlSecondsAfterFinished',
  'podFailurePolicy',
];
const ofCrons = [
  'schedule',
  'timeZone',
  'concurrencyPolicy',
  'startingDeadlineSeconds',
  'successfulJobsHistoryLimit',
  'failedJobsHistoryLimit',
];

/** What a Job has not said: how often, and which pods are its own. */
export function defaultRuns(workload: JsonObject, old?: JsonObject): void {
  const spec = asObject(workload['spec']);
  const type = spec?.['type'];
  if (spec === undefined || (type !== 'Job' && type !== 'Cron')) return;
  if (type === 'Job' && spec['completions'] === undefined) {
    const replicas = spec['replicas'];
    const before = at(old, 'spec', 'completions');
    spec['completions'] = before ?? (typeof replicas === 'number' ? Math.max(replicas, 1) : 1);
  }
  const name = asString(at(workload, 'metadata', 'name'));
  if (spec['selector'] !== undefined || name === '' || name.length > labelMax) return;
  const template = asObject(spec['template']);
  if (template === undefined) return;
  spec['selector'] = at(old, 'spec', 'selector') ?? { matchLabels: { [workloadLabel]: name } };
  const labels = child(child(template, 'metadata'), 'labels');
  if (equal(spec['selector'], { matchLabels: { [workloadLabel]: name } })) {
    labels[workloadLabel] = name;
  }
}

export function runErrors(workload: JsonObject, old: JsonObject | undefined): FieldError[] {
  const spec = asObject(workload['spec']) ?? {};
  const type = asString(spec['type']) || 'Service';
  if (old !== undefined) {
    const before = asString(at(old, 'spec', 'type')) || 'Service';
    if (before !== type) return [invalidValue('spec.type', type, 'field is immutable')];
  }
  return [
    ...strayFields(spec, type),
    ...restartPolicyErrors(spec, type),
    ...policyErrors(spec),
    ...(type === 'Cron' ? scheduleErrors(spec) : []),
    ...(type === 'Job' && old !== undefined ? fixedErrors(spec, old) : []),
  ];
}

function strayFields(spec: JsonObject, type: string): FieldError[] {
  const stray = (fields: readonly string[], types: string) =>
    fields
      .filter((field) => spec[field] !== undefined)
      .map((field) => forbiddenField(`spec.${field}`, `only for type ${types}`));
  if (type === 'Cron') return [];
  return [...(type === 'Job' ? [] : stray(ofJobs, 'Job or Cron')), ...stray(ofCrons, 'Cron')];
}

/** Always is the schema's default: for a Job it has to be said otherwise, as upstream. */
function restartPolicyErrors(spec: JsonObject, type: string): FieldError[] {
  const field = 'spec.template.spec.restartPolicy';
  const policy = asString(at(spec, 'template', 'spec', 'restartPolicy'));
  if (type === 'Service') {
    return policy === '' || policy === 'Always' ? [] : [notSupported(field, policy, ['Always'])];
  }
  if (policy === 'Never' || policy === 'OnFailure') return [];
  if (policy === '') return [required(field, 'valid values: "OnFailure", "Never"')];
  return [notSupported(field, policy, ['OnFailure', 'Never'])];
}

function policyErrors(spec: JsonObject): FieldError[] {
  const policy = asObject(spec['podFailurePolicy']);
  if (policy === undefined) return [];
  const path = 'spec.podFailurePolicy';
  const restartPolicy = asString(at(spec, 'template', 'spec', 'restartPolicy'));
  const errors: FieldError[] = [];
  if (restartPolicy !== 'Never') {
    const detail = "only 'Never' is supported when podFailurePolicy is specified";
    errors.push(invalidValue('spec.template.spec.restartPolicy', restartPolicy, detail));
  }
  const containers = ['initContainers', 'containers'].flatMap((list) =>
    asArray(at(spec, 'template', 'spec', list)).map((each) => asString(asObject(each)?.['name'])),
  );
  asArray(policy['rules']).forEach((value, index) => {
    errors.push(...ruleErrors(asObject(value) ?? {}, `${path}.rules[${index}]`, containers));
  });
  return errors;
}

function ruleErrors(rule: JsonObject, path: string, containers: readonly string[]): FieldError[] {
  const codes = asObject(rule['onExitCodes']);
  if ((codes === undefined) === (rule['onPodConditions'] === undefined)) {
    const detail = 'specifying one of OnExitCodes and OnPodConditions is required';
    return [invalidValue(path, rule, detail)];
  }
  if (codes === undefined) return [];
  const errors: FieldError[] = [];
  const zero = asArray(codes['values']).indexOf(0);
  if (codes['operator'] === 'In' && zero >= 0) {
    const field = `${path}.onExitCodes.values[${zero}]`;
    errors.push(invalidValue(field, 0, 'must not be 0 for the In operator'));
  }
  const name = asString(codes['containerName']);
  if (name !== '' && !containers.includes(name)) {
    const detail = 'must be one of the container or initContainer names in the pod template';
    errors.push(invalidValue(`${path}.onExitCodes.containerName`, name, detail));
  }
  return errors;
}

function scheduleErrors(spec: JsonObject): FieldError[] {
  const schedule = asString(spec['schedule']);
  if (schedule.trim() === '') {
    return [required('spec.schedule', 'when to run, like "*/15 * * * *" or "@daily"')];
  }
  const zone = spec['timeZone'];
  return [
    ...cronError('spec.schedule', schedule, () => parseCron(schedule)),
    ...(zone === undefined
      ? []
      : cronError('spec.timeZone', zone, () => parseCron('@daily', asString(zone)))),
  ];
}

function cronError(field: string, value: JsonValue, parse: () => unknown): FieldError[] {
  try {
    parse();
    return [];
  } catch (error) {
    if (error instanceof CronError) return [invalidValue(field, value, error.message)];
    throw error;
  }
}

/** A Job counts what it has made: it cannot become another one on its way. */
function fixedErrors(spec: JsonObject, old: JsonObject): FieldError[] {
  return ['completions', 'template', 'podFailurePolicy', 'identity']
    .filter((field) => !equal(spec[field] ?? null, at(old, 'spec', field) ?? null))
    .map((field) => invalidValue(`spec.${field}`, spec[field] ?? null, 'field is immutable'));
}
