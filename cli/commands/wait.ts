/** `berth wait`: until objects are as asked. */
import type { Command } from 'commander';
import type { JsonValue } from '../../api/meta.ts';
import { hasReason } from '../../api/status.ts';
import { collectionPath, withQuery } from '../../client/paths.ts';
import { durationMs, newCommand } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { discoverKinds, displayName, type Kind } from '../verbs/kinds.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { pathOf, readSelection, type Target } from '../verbs/targets.ts';
import { type Expectation, parseExpectation } from '../verbs/wait-for.ts';

interface WaitOptions extends SessionOptions {
  readonly for?: string;
  readonly timeout: number;
  readonly selector?: string;
  readonly all?: boolean;
}

const pollMs = 100;

export function waitCommand(): Command {
  const command = newCommand({
    name: 'wait',
    purpose: 'Waits until objects are as asked; fails when they are not in time.',
    examples: [
      'berth wait --for=condition=Available workload/web --timeout 60s',
      'berth wait --for=delete pod/web-7d4f9-x2k5q',
      "berth wait --for=jsonpath='{.status.readyReplicas}'=3 workload/web",
      'berth wait --for=condition=Ready pods -l app=web',
    ],
  })
    .argument('<kind>', 'kind, or KIND/NAME')
    .argument('[name...]', 'names')
    .option('--for <what>', 'condition=TYPE[=STATUS], delete, create, or jsonpath={PATH}[=VALUE]')
    .option('-l, --selector <labels>', 'every object of the kind with these labels')
    .option('--all', 'every object of the kind in the namespace')
    .option('--timeout <duration>', 'how long', durationMs, 30_000);
  return addSessionOptions(command).action((kind: string, names: string[], options: WaitOptions) =>
    withSession(options, (session) => wait(session, [kind, ...names], options)),
  );
}

async function wait(
  session: Session,
  words: readonly string[],
  options: WaitOptions,
): Promise<void> {
  if (options.for === undefined) throw usage('say what to wait for: --for=condition=Available');
  const expectation = parseExpectation(options.for);
  const deadlineMs = Date.now() + options.timeout;
  const selection = readSelection(await discoverKinds(session), words);
  const targets =
    selection.type === 'objects'
      ? selection.targets
      : await listed(session, selection.kinds, options);
  for (const target of targets) {
    await until(session, target, expectation, deadlineMs, options.timeout);
    process.stdout.write(`${displayName(target.kind)}/${target.name} ${met(options.for)}\n`);
  }
}

/** kubectl's words. */
function met(what: string): string {
  if (what === 'delete') return 'deleted';
  return what === 'create' ? 'created' : 'condition met';
}

async function listed(
  session: Session,
  kinds: readonly Kind[],
  options: WaitOptions,
): Promise<readonly Target[]> {
  const { selector, all } = options;
  if (all !== true && selector === undefined)
    throw usage('name objects, or say -l LABELS or --all');
  const lists = kinds.map(async (kind) => {
    const path = collectionPath(kind, session.namespace);
    const { body } = await session.call({ path: withQuery(path, { labelSelector: selector }) });
    const items = body['items'] as readonly { metadata: { name: string } }[]; // A list has them.
    return items.map(({ metadata }) => ({ kind, name: metadata.name }));
  });
  const targets = (await Promise.all(lists)).flat();
  // What is gone already has been waited for.
  if (targets.length === 0 && options.for !== 'delete') {
    throw new Failure('no object matches, so there is nothing to wait for');
  }
  return targets;
}

async function until(
  session: Session,
  target: Target,
  { what, isMet }: Expectation,
  deadlineMs: number,
  timeoutMs: number,
): Promise<void> {
  const path = pathOf(target, session.namespace);
  for (;;) {
    const object = await read(session, path);
    if (isMet(object)) return;
    const name = `${displayName(target.kind)}/${target.name}`;
    if (object === undefined && what !== 'creation')
      throw new Failure(`there is no ${name} (NotFound)`);
    if (Date.now() >= deadlineMs) {
      throw new Failure(`timed out after ${timeoutMs / 1000} s waiting for ${what} of ${name}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function read(session: Session, path: string): Promise<JsonValue | undefined> {
  try {
    return (await session.call({ path })).body as JsonValue; // It was parsed from JSON.
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}
