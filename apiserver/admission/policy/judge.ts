/** What one policy says of one request. Pure. Source: Kubernetes apiserver/pkg/admission/plugin/policy/validating. */
import {
  matchConditions,
  PolicyEvaluation,
  type PolicyInput,
  type Program,
} from '../../cel/index.ts';
import type { Policy, Validation } from './policy.ts';

export interface Verdict {
  /** What does not hold, in the order of the rules. */
  readonly failures: readonly Failure[];
  /** For the audit event, without the name of the policy. */
  readonly annotations: readonly (readonly [string, string])[];
}

export interface Failure {
  readonly message: string;
  readonly reason: string;
  /** Of the rule in the policy. */
  readonly index: number;
  /** The expression itself failed: refused whatever the actions of the binding are. */
  readonly broken: boolean;
}

export const silent: Verdict = { failures: [], annotations: [] };

export function broken(message: string): Verdict {
  return { failures: [{ message, reason: 'Invalid', index: 0, broken: true }], annotations: [] };
}

export function judge(policy: Policy, input: PolicyInput): Verdict {
  const matched = matchConditions(policy.conditions, input);
  if (matched.type === 'no') return silent;
  if (matched.type === 'failed')
    return policy.failsClosed ? broken(matched.errors.join(', ')) : silent;
  const evaluation = new PolicyEvaluation(input, policy.variables);
  const failures = policy.validations.flatMap((validation, index) =>
    failuresOf(policy, validation, index, evaluation),
  );
  const annotations: (readonly [string, string])[] = [];
  for (const { key, program } of policy.annotations) {
    const value = attempt(evaluation, program);
    if (typeof value.value === 'string' && value.value.trim() !== '')
      annotations.push([key, value.value]);
    else if (value.error !== undefined && policy.failsClosed)
      failures.push({ ...failed(value.error), index: policy.validations.length });
  }
  return { failures, annotations };
}

function failuresOf(
  policy: Policy,
  validation: Validation,
  index: number,
  evaluation: PolicyEvaluation,
): Failure[] {
  const { expression, program, reason } = validation;
  const { value, error } = attempt(evaluation, program);
  if (value === true) return [];
  if (value === false)
    return [{ message: messageOf(validation, evaluation), reason, index, broken: false }];
  if (!policy.failsClosed) return [];
  return [
    { ...failed(`expression '${expression}' resulted in error: ${error ?? 'no bool'}`), index },
  ];
}

function failed(message: string): Omit<Failure, 'index'> {
  return { message, reason: 'Invalid', broken: true };
}

const messageMaxBytes = 5 * 1024;

/** The message that the expression makes, when it is fit to be read. */
function messageOf(
  { messageProgram, message, expression }: Validation,
  evaluation: PolicyEvaluation,
): string {
  if (messageProgram !== undefined) {
    const { value } = attempt(evaluation, messageProgram);
    const text = typeof value === 'string' ? value.trim() : '';
    if (text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= messageMaxBytes)
      return text;
  }
  return message === '' ? `failed expression: ${expression}` : message;
}

function attempt(evaluation: PolicyEvaluation, program: Program) {
  try {
    return { value: evaluation.evaluate(program), error: undefined };
  } catch (error) {
    // Whatever an expression throws is a failure of that expression.
    return { value: undefined, error: error instanceof Error ? error.message : String(error) };
  }
}
