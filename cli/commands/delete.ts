/** `berth delete`: asks for the end of objects and waits until they are gone. */
import type { Command } from 'commander';
import { parseApiVersion } from '../../api/meta.ts';
import { hasReason } from '../../api/status.ts';
import { collectionPath, withQuery } from '../../client/paths.ts';
import { durationMs, newCommand, wholeNumber } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { discoverKinds, displayName, type Kind, selectKinds, unknownKind } from '../verbs/kinds.ts';
import { inOrder, readManifests } from '../verbs/manifests.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { pathOf, readSelection, type Target } from '../verbs/targets.ts';

interface DeleteOptions extends SessionOptions {
  readonly filename?: readonly string[];
  readonly all?: boolean;
  readonly selector?: string;
  readonly ignoreNotFound?: boolean;
  readonly wait: boolean;
  readonly timeout: number;
  readonly gracePeriod?: number;
}

interface Doomed extends Target {
  readonly path: string;
  readonly uid?: string;
}

const pollFirstMs = 20;
const pollMaxMs = 500;

export function deleteCommand(): Command {
  const command = newCommand({
    name: 'delete',
    purpose: 'Deletes objects and waits until they are gone.',
    examples: [
      'berth delete workload web',
      'berth delete -f examples/quickstart',
      'berth delete pods -l app=web --wait=false',
      'berth delete workloads --all',
    ],
  })
    .argument('[kind]', 'kind, or KIND/NAME')
    .argument('[name...]', 'names')
    .option(
      '-f, --filename <path...>',
      'the objects of a file, a directory, or - for standard input',
    )
    .option('--all', 'all objects of the kind in the namespace')
    .option('-l, --selector <labels>', 'those with these labels')
    .option('--ignore-not-found', 'it is fine if there is no such object')
    .option(
      '--wait [boolean]',
      'wait until they are gone',
      (text: string) => text !== 'false',
      true,
    )
    .option('--timeout <duration>', 'how long to wait', durationMs, 300_000)
    .option(
      '--grace-period <seconds>',
      'for processes to end',
      wholeNumber('--grace-period', 0, 86_400),
    );
  return addSessionOptions(command).action(
    (kind: string | undefined, names: string[], options: DeleteOptions) =>
      withSession(options, (session) =>
        remove(session, kind === undefined ? [] : [kind, ...names], options),
      ),
  );
}

async function remove(
  session: Session,
  words: readonly string[],
  options: DeleteOptions,
): Promise<void> {
  const kinds = await discoverKinds(session);
  const doomed =
    options.filename === undefined
      ? await fromWords(session, kinds, words, options)
      : fromFiles(session, kinds, words, options.filename);
  const waiting: Doomed[] = [];
  const missing: string[] = [];
  for (const each of doomed) {
    const gone = await removeOne(session, each, options);
    if (gone === undefined) {
      if (options.ignoreNotFound !== true) missing.push(`${displayName(each.kind)} "${each.name}"`);
      continue;
    }
    process.stdout.write(`${displayName(each.kind)} "${each.name}" deleted\n`);
    waiting.push(gone);
  }
  if (options.wait) await untilGone(session, waiting, options.timeout);
  if (missing.length > 0) throw new Failure(`there is no ${missing.join(', no ')} (NotFound)`);
}

async function fromWords(
  session: Session,
  kinds: readonly Kind[],
  words: readonly string[],
  options: DeleteOptions,
): Promise<readonly Doomed[]> {
  const selection = readSelection(kinds, words);
  const { namespace } = session;
  if (selection.type === 'objects') {
    return selection.targets.map((target) => ({ ...target, path: pathOf(target, namespace) }));
  }
  if (options.all !== true && options.selector === undefined) {
    throw usage(`say which ${words[0]}: a name, -l LABELS, or --all`);
  }
  const lists = selectKinds(kinds, words[0] ?? '').map(async (kind) => {
    const path = withQuery(collectionPath(kind, namespace), { labelSelector: options.selector });
    const { body } = await session.call({ path });
    const items = body['items'] as readonly { metadata: { name: string } }[]; // A list has them.
    return items.map(({ metadata: { name } }) => ({
      kind,
      name,
      path: pathOf({ kind, name }, namespace),
    }));
  });
  return (await Promise.all(lists)).flat();
}

/** Backwards: what others need goes last. */
function fromFiles(
  session: Session,
  kinds: readonly Kind[],
  words: readonly string[],
  paths: readonly string[],
): readonly Doomed[] {
  if (words.length > 0) throw usage('name either objects or -f FILE, not both');
  return inOrder(readManifests(paths))
    .map(({ object }) => {
      const { group, version } = parseApiVersion(object.apiVersion);
      const kind = kinds.find(
        (each) => each.group === group && each.version === version && each.kind === object.kind,
      );
      if (kind === undefined) throw unknownKind(`${object.kind} (${object.apiVersion})`);
      const target = { kind, name: object.metadata.name ?? '' };
      return { ...target, path: pathOf(target, object.metadata.namespace ?? session.namespace) };
    })
    .reverse();
}

/** `undefined` when it was not there. */
async function removeOne(
  session: Session,
  doomed: Doomed,
  { gracePeriod }: DeleteOptions,
): Promise<Doomed | undefined> {
  try {
    const { body } = await session.call({
      method: 'DELETE',
      path: doomed.path,
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
        ...(gracePeriod === undefined ? {} : { gracePeriodSeconds: gracePeriod }),
      },
    });
    // The answer is the object, or a Status that names its uid.
    const { metadata, details } = body as Partial<Record<string, { uid?: string }>>;
    const uid = metadata?.uid ?? details?.uid;
    return uid === undefined ? doomed : { ...doomed, uid };
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function untilGone(
  session: Session,
  waiting: readonly Doomed[],
  timeoutMs: number,
): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs;
  for (const doomed of waiting) {
    for (let pauseMs = pollFirstMs; !(await isGone(session, doomed)); ) {
      if (Date.now() > deadlineMs) {
        const name = `${displayName(doomed.kind)} "${doomed.name}"`;
        throw new Failure(
          `${name} is not gone after ${timeoutMs / 1000} s: a finalizer may hold it, see its metadata`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      pauseMs = Math.min(pauseMs * 2, pollMaxMs);
    }
  }
}

async function isGone(session: Session, { path, uid }: Doomed): Promise<boolean> {
  try {
    const { body } = await session.call({ path });
    const metadata = body['metadata'] as { uid?: string } | undefined; // An object.
    return uid !== undefined && metadata?.uid !== uid;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return true;
    throw error;
  }
}
