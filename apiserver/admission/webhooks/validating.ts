/** ValidatingAdmissionWebhook: all webhooks that are concerned are asked at once, and any may refuse. */
import type { AdmissionPlugin, Attributes } from '../plugin.ts';
import { type AskDeps, ask, type Question, questionFor } from './ask.ts';
import { HookSource } from './hook.ts';
import { isExempt } from './match.ts';

export function validatingWebhooks(deps: AskDeps): AdmissionPlugin {
  const source = new HookSource(deps.objects.cache, 'validatingwebhookconfigurations');
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: (attributes) => !source.isEmpty && !isExempt(attributes),
    async validate(attributes, object) {
      const questions: Question[] = [];
      for (const hook of source.hooks()) {
        const question = await questionFor(deps, hook, 'validating', attributes, object);
        if (question !== undefined) questions.push(question);
      }
      await askAll(deps, attributes, questions);
    },
  };
}

/** Waits for all of them, so that none is still running when the request is answered. */
async function askAll(
  deps: AskDeps,
  attributes: Attributes,
  questions: readonly Question[],
): Promise<void> {
  const answers = await Promise.allSettled(
    questions.map(async (question, index) => {
      const answer = await ask(deps, attributes, question);
      if (answer === undefined) failedOpen(attributes, question, index);
    }),
  );
  for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
}

function failedOpen(attributes: Attributes, { hook }: Question, index: number): void {
  const key = `failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`;
  attributes.annotate(key, hook.name);
}
