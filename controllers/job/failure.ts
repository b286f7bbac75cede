/** What a failed run means, and how it is told. Pure. */
import { findCondition } from '../../api/conditions.ts';
import type { ContainerStateTerminated, Pod } from '../../api/kinds.gen.ts';
import type { FailureRule } from './spec.ts';

export type Judgement =
  | { readonly action: 'Count' | 'Ignore' }
  | { readonly action: 'FailJob'; readonly message: string };

interface FailedContainer {
  readonly name: string;
  readonly terminated: ContainerStateTerminated;
}

/** By the first rule that matches. Source: kubernetes pkg/controller/job/pod_failure_policy.go. */
export function judgeFailure(pod: Pod, rules: readonly FailureRule[]): Judgement {
  for (const [at, rule] of rules.entries()) {
    const what = matchOf(pod, rule);
    if (what === undefined) continue;
    if (rule.action !== 'FailJob') return { action: rule.action };
    return { action: 'FailJob', message: `${what} matching FailJob rule at index ${at}` };
  }
  return { action: 'Count' };
}

function matchOf(pod: Pod, { onExitCodes, onPodConditions }: FailureRule): string | undefined {
  const { namespace, name } = pod.metadata;
  if (onExitCodes !== undefined) {
    const { containerName, operator, values } = onExitCodes;
    const found = failedContainers(pod).find(
      (each) =>
        (containerName === undefined || each.name === containerName) &&
        values.includes(each.terminated.exitCode) === (operator === 'In'),
    );
    if (found === undefined) return undefined;
    const { exitCode } = found.terminated;
    return `Container ${found.name} for pod ${namespace}/${name} failed with exit code ${exitCode}`;
  }
  const met = (onPodConditions ?? []).find(
    ({ type, status = 'True' }) => findCondition(pod.status?.conditions, type)?.status === status,
  );
  return met && `Pod ${namespace}/${name} has condition ${met.type}`;
}

function failedContainers({ status }: Pod): readonly FailedContainer[] {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return all.flatMap(({ name, state, lastState }) => {
    const terminated = state?.terminated ?? lastState?.terminated;
    return terminated === undefined || terminated.exitCode === 0 ? [] : [{ name, terminated }];
  });
}

/** `pod migrate-x2k5q: container main ended with exit code 127 (command not found)`. */
export function failureInWords(pod: Pod): string {
  const name = `pod ${pod.metadata.name}`;
  const ends = failedContainers(pod).map((each) => {
    const { exitCode, reason, message = '' } = each.terminated;
    const meaning = reason === 'OOMKilled' ? 'out of memory' : meaningOf(exitCode);
    const why = meaning === undefined ? '' : ` (${meaning})`;
    const [words = ''] = message.trim().split('\n').slice(-1);
    const said = words === '' ? '' : `: ${words.slice(0, wordsMax)}`;
    return `container ${each.name} ended with exit code ${exitCode}${why}${said}`;
  });
  if (ends.length > 0) return `${name}: ${ends.join('; ')}`;
  const disrupted = findCondition(pod.status?.conditions, 'DisruptionTarget');
  const why = pod.status?.message ?? pod.status?.reason ?? disrupted?.message;
  return why === undefined ? `${name} was deleted before it ended` : `${name}: ${why}`;
}

/** Of a container's last words, so many characters are told. */
const wordsMax = 200;

const signals: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  15: 'SIGTERM',
};

/** What shells and Docker mean by codes that programs seldom choose themselves. */
function meaningOf(exitCode: number): string | undefined {
  if (exitCode === 126) return 'command cannot be executed';
  if (exitCode === 127) return 'command not found';
  const signal = signals[exitCode - 128];
  return signal && `killed by ${signal}`;
}
