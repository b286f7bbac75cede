/** `berth image`: the images of nodes. */
import type { Command } from 'commander';
import type { NodeImage, NodeImageList } from '../../api/node-images.ts';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { align } from '../verbs/table.ts';

interface ImageOptions extends SessionOptions {
  readonly node?: readonly string[];
  readonly quiet?: boolean;
}

export function imageCommand(): Command {
  const command = newCommand({
    name: 'image',
    purpose: 'Lists, pulls and removes images on nodes: on all of them unless --node names some.',
    examples: [
      'berth image list',
      'berth image list --node node-1 -q',
      'berth image pull nginx:1.29 --node node-1 --node node-2',
      'berth image remove nginx:1.28   # refused where a container uses it',
    ],
  });
  // The options of one subcommand are not those of another.
  const sub = (usage: string, description: string) =>
    addSessionOptions(
      command
        .command(usage)
        .description(description)
        .option('--node <name...>', 'only on these nodes'),
    );
  sub('list', 'what is there, and how many containers use it')
    .alias('ls')
    .option('-q, --quiet', 'only ids')
    .action((options: ImageOptions) => withSession(options, (session) => list(session, options)));
  sub('pull <image>', 'pulls it on every node, also where it is there already').action(
    (image: string, options: ImageOptions) =>
      withSession(options, (session) => change(session, 'POST', image, options)),
  );
  sub('remove <image>', 'removes it with all its names, unless a container uses it')
    .alias('rm')
    .action((image: string, options: ImageOptions) =>
      withSession(options, (session) => change(session, 'DELETE', image, options)),
    );
  return command;
}

async function list(session: Session, options: ImageOptions): Promise<void> {
  const rows: string[][] = [];
  const failures: string[] = [];
  for (const node of await nodesOf(session, options)) {
    try {
      const { body } = await session.call({ path: imagesPath(node) });
      // The agent's answer, handed on by the server.
      for (const image of (body as unknown as NodeImageList).items)
        rows.push(...rowsOf(node, image));
    } catch (error) {
      failures.push(`${node}: ${wordsOf(error)}`);
    }
  }
  const header = ['NODE', 'REPOSITORY', 'TAG', 'IMAGE ID', 'SIZE', 'CONTAINERS'];
  const lines = options.quiet
    ? [...new Set(rows.map((row) => row[3] ?? ''))]
    : align([header, ...rows]);
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  if (failures.length > 0) throw new Failure(failures.join('\n'));
}

/** One line per name, as `docker image ls`. */
function rowsOf(node: string, { id, tags, digests, sizeBytes, users }: NodeImage): string[][] {
  const names: (readonly [string, string])[] = tags.map((name) => split(name, ':'));
  if (names.length === 0) names.push([split(digests[0] ?? '<none>', '@')[0], '<none>']);
  const shortId = id.replace('sha256:', '').slice(0, 12);
  return names.map(([repository, tag]) => [
    node,
    repository,
    tag,
    shortId,
    humanSize(sizeBytes),
    String(users.length),
  ]);
}

function split(name: string, separator: string): readonly [string, string] {
  const at = name.lastIndexOf(separator);
  return at < 0 ? [name, '<none>'] : [name.slice(0, at), name.slice(at + 1)];
}

/** Decimal units and three digits, as Docker prints sizes. */
export function humanSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [size, unit] = [bytes, 0];
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${Number(size.toPrecision(3))}${units[unit]}`;
}

async function change(
  session: Session,
  method: 'POST' | 'DELETE',
  image: string,
  options: ImageOptions,
): Promise<void> {
  const done = method === 'POST' ? 'pulled' : 'removed';
  const nodes = await nodesOf(session, options);
  const results = await Promise.allSettled(
    nodes.map(async (node) => {
      const path = `${imagesPath(node)}?image=${encodeURIComponent(image)}`;
      const { body } = await session.call({ method, path });
      if (body['status'] === 'Failure') throw new Failure(String(body['message']));
    }),
  );
  const failures: string[] = [];
  for (const [index, result] of results.entries()) {
    const node = nodes[index] ?? '';
    if (result.status === 'fulfilled') process.stdout.write(`${node}: ${image} ${done}\n`);
    else failures.push(`${node}: ${wordsOf(result.reason)}`);
  }
  if (failures.length > 0) throw new Failure(failures.join('\n'));
}

async function nodesOf(session: Session, { node }: ImageOptions): Promise<readonly string[]> {
  if (node !== undefined) return [...new Set(node)];
  const { body } = await session.call({ path: '/api/v1/nodes' });
  // A list of the API.
  const { items } = body as unknown as { items: { metadata: { name: string } }[] };
  return items.map(({ metadata }) => metadata.name);
}

function imagesPath(node: string): string {
  return `/api/v1/nodes/${encodeURIComponent(node)}/images`;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
