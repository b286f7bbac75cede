/** `berth store`: what is to be done with all that is stored. */
import type { Command } from 'commander';
import { StatusError } from '../../api/status.ts';
import { collectionPath, objectPath } from '../../client/paths.ts';
import { newCommand } from '../command.ts';
import { discoverKinds, type Kind, selectKinds } from '../verbs/kinds.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';

export function storeCommand(): Command {
  const command = newCommand({
    name: 'store',
    purpose: 'Works on all that is stored, while the plane runs.',
    examples: [
      'berth store reencrypt                    # all Secrets, with the first key of their kind',
      'berth store reencrypt secrets,configmaps',
    ],
  });
  addSessionOptions(
    command
      .command('reencrypt [kinds]')
      .description(
        'writes objects again that are not encrypted as --encryption-provider-config says now\n' +
          '(default: secrets); others and their resourceVersion stay as they are',
      ),
  ).action((kinds: string | undefined, options: SessionOptions) =>
    withSession(options, (session) => reencrypt(session, kinds ?? 'secrets')),
  );
  return command;
}

async function reencrypt(session: Session, words: string): Promise<void> {
  for (const kind of selectKinds(await discoverKinds(session), words)) {
    let [seen, written] = [0, 0];
    for await (const object of objectsOf(session, kind)) {
      seen += 1;
      if (await rewrite(session, kind, object)) written += 1;
    }
    process.stdout.write(`${kind.resource}: ${seen} looked at, ${written} written again\n`);
  }
}

interface Named {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion: string;
  };
}

const pageSize = 500;
const metadataOnly = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

async function* objectsOf(session: Session, kind: Kind): AsyncGenerator<Named> {
  let token = '';
  do {
    const query = `?limit=${pageSize}&continue=${encodeURIComponent(token)}`;
    const path = `${collectionPath(kind)}${query}`;
    const { body } = await session.call({ path, accept: metadataOnly });
    // What was asked for.
    const page = body as unknown as { items: Named[]; metadata: { continue?: string } };
    yield* page.items;
    token = page.metadata.continue ?? '';
  } while (token !== '');
}

/** A patch that changes nothing is stored only where the stored form is not what it should be. */
async function rewrite(session: Session, kind: Kind, { metadata }: Named): Promise<boolean> {
  const { name, namespace, resourceVersion } = metadata;
  const path = objectPath(kind, { ...(namespace === undefined ? {} : { namespace }), name });
  const contentType = 'application/merge-patch+json';
  try {
    const { body } = await session.call({ method: 'PATCH', path, body: {}, contentType });
    return (body as unknown as Named).metadata.resourceVersion !== resourceVersion; // The object.
  } catch (error) {
    if (error instanceof StatusError && error.code === 404) return false; // Deleted meanwhile.
    throw error;
  }
}
