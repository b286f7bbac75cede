/**
 * MutatingAdmissionWebhook: one webhook after the other may change the object by a JSON patch.
 * Source: Kubernetes apiserver/pkg/admission/plugin/webhook/mutating/dispatcher.go.
 */
import { copyOf, equal } from '../../../api/json.ts';
import type { JsonObject, JsonValue } from '../../../api/meta.ts';
import { applyJsonPatch } from '../../patch/index.ts';
import { applyDefaults, coerceMeta, prune } from '../../schema/index.ts';
import { parseJson } from '../../wire/json.ts';
import type { AdmissionPlugin, Attributes } from '../plugin.ts';
import { type AskDeps, ask, internalError, inVersion, type Question, questionFor } from './ask.ts';
import { type Hook, HookSource } from './hook.ts';
import { isExempt } from './match.ts';
import { isWhole } from './review.ts';

/** What is remembered of a request between the two passes over its object. */
interface Memory {
  /** Webhooks that may be asked again, and have been asked since the last change by another. */
  readonly asked: Set<string>;
  /** Those that must be asked again, because somebody changed the object after them. */
  readonly again: Set<string>;
  output: JsonObject | undefined;
}

export function mutatingWebhooks(deps: AskDeps): AdmissionPlugin {
  const source = new HookSource(deps.objects.cache, 'mutatingwebhookconfigurations');
  const memories = new WeakMap<Attributes, Memory>();
  return {
    name: 'MutatingAdmissionWebhook',
    handles: (attributes) => !source.isEmpty && !isExempt(attributes),
    async mutate(attributes, object) {
      const memory = memories.get(attributes) ?? emptyMemory();
      memories.set(attributes, memory);
      const { isSecond } = attributes.reinvocation;
      if (isSecond && !equal(object ?? null, memory.output ?? null)) askAgain(memory);
      let current = object;
      for (const [index, hook] of source.hooks().entries()) {
        const question = await questionFor(deps, hook, 'admit', attributes, current);
        if (question === undefined) continue;
        if (isSecond && !memory.again.has(hook.id)) continue;
        const next = await mutated(deps, attributes, question, current, index);
        noteRun(memory, attributes, hook, next !== undefined);
        current = next ?? current;
      }
      memory.output = current;
      return current === object ? undefined : current;
    },
  };
}

function emptyMemory(): Memory {
  return { asked: new Set(), again: new Set(), output: undefined };
}

function noteRun(memory: Memory, attributes: Attributes, hook: Hook, changed: boolean): void {
  if (changed) {
    askAgain(memory);
    attributes.reinvocation.wanted = true;
  }
  if (hook.reinvocable) memory.asked.add(hook.id);
}

function askAgain({ asked, again }: Memory): void {
  for (const id of asked) again.add(id);
  asked.clear();
}

/** The object after the webhook's patch; `undefined` when it is the same as before. */
async function mutated(
  deps: AskDeps,
  attributes: Attributes,
  question: Question,
  current: JsonObject | undefined,
  index: number,
): Promise<JsonObject | undefined> {
  const { hook } = question;
  const round = `round_${attributes.reinvocation.isSecond ? 1 : 0}_index_${index}`;
  const note = (changed: boolean) =>
    attributes.annotate(
      `mutation.webhook.admission.k8s.io/${round}`,
      JSON.stringify({ configuration: hook.configuration, webhook: hook.name, mutated: changed }),
    );
  const answer = await ask(deps, attributes, question);
  if (answer === undefined)
    attributes.annotate(`failed-open.mutation.webhook.admission.k8s.io/${round}`, hook.name);
  const patched = answer === undefined ? undefined : afterPatch(attributes, question, answer.patch);
  const next = await inVersion(deps, patched, attributes, attributes.served);
  const changed = next !== undefined && !equal(next, current ?? null);
  note(changed);
  return changed ? next : undefined;
}

function afterPatch(
  attributes: Attributes,
  { hook, object, version }: Question,
  text: string,
): JsonObject | undefined {
  const patch = text === '' ? [] : parsed(text, hook);
  if (patch.length === 0) return undefined;
  if (object === undefined)
    throw internalError(
      `admission webhook ${JSON.stringify(hook.name)} attempted to modify the object, which is not supported for this operation`,
    );
  let next: JsonObject;
  try {
    next = applyJsonPatch(copyOf(object), patch);
  } catch (error) {
    throw internalError(error instanceof Error ? error.message : String(error), error);
  }
  if (!isWhole(attributes)) return next;
  const { error } = coerceMeta(next, version.schema);
  if (error !== undefined) throw internalError(`${error.field}: ${error.message}`);
  prune(next, version.schema);
  applyDefaults(next, version.schema);
  return next;
}

function parsed(text: string, hook: Hook): readonly JsonValue[] {
  try {
    const { value } = parseJson(Buffer.from(text));
    if (Array.isArray(value)) return value;
    throw new Error('it is no array');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw internalError(
      `failed calling webhook ${JSON.stringify(hook.name)}: received undecodable patch in webhook response: ${why}`,
    );
  }
}
