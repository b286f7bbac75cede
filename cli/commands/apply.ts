/** `berth apply`: server-side apply of manifests. */
import { isDeepStrictEqual } from 'node:util';
import type { Command } from 'commander';
import { parseApiVersion } from '../../api/meta.ts';
import { hasReason, StatusError } from '../../api/status.ts';
import { withQuery } from '../../client/paths.ts';
import { newCommand } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { discoverKinds, displayName, type Kind } from '../verbs/kinds.ts';
import { inOrder, type Manifest, readManifests } from '../verbs/manifests.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { pathOf } from '../verbs/targets.ts';

type Body = Readonly<Record<string, unknown>>;

interface ApplyOptions extends SessionOptions {
  readonly filename?: readonly string[];
  readonly fieldManager: string;
  readonly forceConflicts?: boolean;
  readonly dryRun?: boolean;
  readonly validate: boolean;
}

/** A definition that was just applied is served a moment later. */
const kindAppearsMs = 10_000;
const pollMs = 100;

export function applyCommand(): Command {
  const command = newCommand({
    name: 'apply',
    purpose: 'Creates or changes the objects of manifests by server-side apply.',
    examples: [
      'berth apply -f examples/quickstart            # every .yaml and .json of a folder',
      'berth apply -f web.yaml -n staging',
      'cat web.yaml | berth apply -f -',
      'berth apply -f web.yaml --dry-run             # only checks it, on the server',
    ],
  })
    .option('-f, --filename <path...>', 'file, directory, or - for standard input')
    .option('--server-side', 'as it always is; accepted for those used to kubectl')
    .option('--field-manager <name>', 'who owns the applied fields', 'berth')
    .option('--force-conflicts', 'take over fields that another manager owns')
    .option('--dry-run', 'let the server check everything, and change nothing')
    .option('--no-validate', 'let unknown fields pass');
  return addSessionOptions(command).action((options: ApplyOptions) =>
    withSession(options, (session) => apply(session, options)),
  );
}

async function apply(session: Session, options: ApplyOptions): Promise<void> {
  if (options.filename === undefined) throw usage('name what to apply: -f FILE');
  const manifests = inOrder(readManifests(options.filename));
  const failures: string[] = [];
  let kinds = await discoverKinds(session);
  for (const manifest of manifests) {
    try {
      let kind = kindOf(kinds, manifest);
      for (let waitedMs = 0; kind === undefined; waitedMs += pollMs) {
        if (waitedMs >= (isDefined(manifest, manifests) ? kindAppearsMs : 1))
          throw noKind(manifest);
        await new Promise((resolve) => setTimeout(resolve, pollMs));
        kinds = await discoverKinds(session);
        kind = kindOf(kinds, manifest);
      }
      process.stdout.write(`${await applyOne(session, options, manifest, kind)}\n`);
    } catch (error) {
      if (!(error instanceof StatusError || error instanceof Failure)) throw error;
      if (error instanceof StatusError && error.code === 503) throw error;
      failures.push(`${manifest.source}: ${error.message}${remedy(error)}`);
    }
  }
  if (failures.length > 0) throw new Failure(failures.join('\nberth: '));
}

async function applyOne(
  session: Session,
  options: ApplyOptions,
  { object, source }: Manifest,
  kind: Kind,
): Promise<string> {
  const { name = '' } = object.metadata;
  const namespace = namespaceFor(session, options, object.metadata.namespace, source);
  const path = pathOf({ kind, name }, namespace);
  const before = await find(session, path);
  const { status, body } = await session.call({
    method: 'PATCH',
    path: withQuery(path, {
      fieldManager: options.fieldManager,
      fieldValidation: options.validate ? 'Strict' : 'Warn',
      force: options.forceConflicts === true ? true : undefined,
      dryRun: options.dryRun === true ? 'All' : undefined,
    }),
    contentType: 'application/apply-patch+yaml',
    body: object,
  });
  const change = isSame(before, body) ? 'unchanged' : 'configured';
  const done = status === 201 || before === undefined ? 'created' : change;
  return `${displayName(kind)}/${name} ${done}${options.dryRun === true ? ' (dry run)' : ''}`;
}

function namespaceFor(
  session: Session,
  options: ApplyOptions,
  own: string | undefined,
  source: string,
): string {
  if (own !== undefined && options.namespace !== undefined && own !== options.namespace) {
    throw new Failure(`${source} is for namespace "${own}", not "${options.namespace}" as -n says`);
  }
  return own ?? session.namespace;
}

/** Whether all that a manifest can say is the same: others write the status in between. */
function isSame(before: Body | undefined, after: Body): boolean {
  return before !== undefined && isDeepStrictEqual(said(before), said(after));
}

function said({ status: _status, metadata, ...rest }: Body): Body {
  // Every object has one.
  const { resourceVersion: _version, managedFields: _owners, ...more } = metadata as Body;
  return { ...rest, metadata: more };
}

/** `undefined` when there is no such object. */
async function find(session: Session, path: string): Promise<Body | undefined> {
  try {
    return (await session.call({ path })).body;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

function kindOf(kinds: readonly Kind[], { object }: Manifest): Kind | undefined {
  const { group, version } = parseApiVersion(object.apiVersion);
  return kinds.find(
    (each) => each.group === group && each.version === version && each.kind === object.kind,
  );
}

/** Whether one of the manifests defines the kind of another. */
function isDefined({ object }: Manifest, manifests: readonly Manifest[]): boolean {
  return manifests.some((each) => {
    const spec = each.object['spec'] as { names?: { kind?: string } } | undefined; // Checked by use.
    return each.object.kind === 'CustomResourceDefinition' && spec?.names?.kind === object.kind;
  });
}

function noKind({ object }: Manifest): Failure {
  return new Failure(
    `the server has no kind "${object.kind}" in "${object.apiVersion}": check the spelling, ` +
      'or apply its CustomResourceDefinition first',
  );
}

function remedy(error: Error): string {
  return hasReason(error, 'Conflict') ? ' (--force-conflicts takes the fields over)' : '';
}
