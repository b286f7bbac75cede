/** `berth get`: objects as tables, JSON or YAML. */
import type { Command } from 'commander';
import { readLines } from '../../client/lines.ts';
import { collectionPath, withQuery } from '../../client/paths.ts';
import { newCommand } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { discoverKinds, displayName, type Kind } from '../verbs/kinds.ts';
import { printWhole } from '../verbs/output.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { formatTable, isTable, type Table, tableAccept } from '../verbs/table.ts';
import { pathOf, readSelection, type Target } from '../verbs/targets.ts';

interface GetOptions extends SessionOptions {
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly output?: string;
  readonly watch?: boolean;
  readonly headers: boolean;
}

const outputs = ['json', 'yaml', 'name', 'wide'];

export function getCommand(): Command {
  const command = newCommand({
    name: 'get',
    purpose: 'Lists objects of one or more kinds, or shows those named.',
    examples: [
      'berth get workloads,pods',
      'berth get pods -l app=web -o wide',
      'berth get pods -A -w                          # every namespace; follow changes',
      'berth get workload/web -o yaml',
    ],
  })
    .argument('<kind>', 'kinds ("pods,wl", "all"), or KIND/NAME')
    .argument('[name...]', 'names')
    .option('-A, --all-namespaces', 'of every namespace')
    .option('-l, --selector <labels>', 'only objects with these labels: app=web,tier!=db')
    .option('--field-selector <fields>', 'only objects with these fields: spec.nodeName=n1')
    .option('-o, --output <format>', outputs.join(', '))
    .option('-w, --watch', 'go on printing what changes')
    .option('--no-headers', 'leave the header out');
  return addSessionOptions(command).action((kind: string, names: string[], options: GetOptions) =>
    withSession(options, (session) => get(session, [kind, ...names], options)),
  );
}

async function get(session: Session, words: readonly string[], options: GetOptions): Promise<void> {
  const { output } = options;
  if (output !== undefined && !outputs.includes(output)) {
    throw usage(`-o must be one of ${outputs.join(', ')}, not "${output}"`);
  }
  const selection = readSelection(await discoverKinds(session), words);
  const sources =
    selection.type === 'kinds'
      ? selection.kinds.map((kind) => listOf(session, kind, options))
      : selection.targets.map((target) => objectOf(session, target));
  if (options.watch === true) return watch(session, sources, options);
  if (output === undefined || output === 'wide') return printTables(session, sources, options);
  const answers = await Promise.all(sources.map(({ path }) => session.call({ path })));
  const items = answers.flatMap(({ body }, i) => itemsOf(body, sources[i]?.kind));
  if (output === 'name') return printNames(items, sources);
  const single = selection.type === 'objects' && items.length === 1;
  const whole = single ? items[0] : { apiVersion: 'v1', kind: 'List', items };
  await printWhole(whole, output);
}

/** Something to ask the server for. */
interface Source {
  readonly kind: Kind;
  readonly path: string;
  /** Of one object; else it is a list. */
  readonly name?: string;
  readonly namespace?: string;
}

function listOf(session: Session, kind: Kind, options: GetOptions): Source {
  const namespace = options.allNamespaces === true ? undefined : session.namespace;
  const path = withQuery(collectionPath(kind, namespace), {
    labelSelector: options.selector,
    fieldSelector: options.fieldSelector,
  });
  return { kind, path, ...(namespace === undefined ? {} : { namespace }) };
}

function objectOf(session: Session, target: Target): Source {
  const { namespace } = session;
  return { kind: target.kind, name: target.name, namespace, path: pathOf(target, namespace) };
}

async function printTables(
  session: Session,
  sources: readonly Source[],
  options: GetOptions,
): Promise<void> {
  const kinds = new Set(sources.map(({ kind }) => kind));
  const tables = await Promise.all(sources.map(({ path }) => tableOf(session, path)));
  const blocks = [...kinds].flatMap((kind) => {
    const own = tables.filter((_, i) => sources[i]?.kind === kind);
    const rows = own.flatMap((table) => table.rows ?? []);
    const [first] = own;
    if (first === undefined || rows.length === 0) return [];
    const style = styleOf(kind, options, kinds.size > 1);
    return [formatTable({ ...first, rows }, style).join('\n')];
  });
  if (blocks.length > 0) process.stdout.write(`${blocks.join('\n\n')}\n`);
  else process.stderr.write(nothingFound(session, sources, options));
}

function nothingFound(
  { namespace }: Session,
  sources: readonly Source[],
  { allNamespaces }: GetOptions,
): string {
  const everywhere = allNamespaces === true || sources.every(({ kind }) => !kind.namespaced);
  return everywhere ? 'No resources found\n' : `No resources found in ${namespace} namespace.\n`;
}

function styleOf(kind: Kind, options: GetOptions, several: boolean) {
  return {
    wide: options.output === 'wide',
    namespaces: options.allNamespaces === true && kind.namespaced,
    headers: options.headers,
    ...(several ? { prefix: `${displayName(kind)}/` } : {}),
  };
}

async function tableOf(session: Session, path: string): Promise<Table> {
  const { body } = await session.call({ path, accept: tableAccept });
  if (isTable(body)) return body;
  throw new Failure('the server does not print tables: ask for -o yaml');
}

/** The items of a list, or the object itself; each with its kind. */
function itemsOf(body: Record<string, unknown>, kind: Kind | undefined): Record<string, unknown>[] {
  if (!Array.isArray(body['items'])) return [body];
  const group = kind === undefined || kind.group === '' ? '' : `${kind.group}/`;
  const type = { apiVersion: `${group}${kind?.version}`, kind: kind?.kind };
  return body['items'].map((item: Record<string, unknown>) => ({ ...type, ...item }));
}

function printNames(items: readonly Record<string, unknown>[], sources: readonly Source[]): void {
  for (const item of items) {
    const { name } = item['metadata'] as { name: string }; // Every object has one.
    const kind = sources.find((source) => source.kind.kind === item['kind'])?.kind;
    const type = kind === undefined ? String(item['kind']).toLowerCase() : displayName(kind);
    process.stdout.write(`${type}/${name}\n`);
  }
}

async function watch(
  session: Session,
  sources: readonly Source[],
  options: GetOptions,
): Promise<void> {
  const [source] = sources;
  if (source === undefined || sources.length > 1) throw usage('-w follows one kind, or one object');
  if (options.output !== undefined && options.output !== 'wide') {
    throw usage('-w prints tables only: leave -o out, or say -o wide');
  }
  const { kind, name } = source;
  const path =
    name === undefined
      ? source.path
      : withQuery(collectionPath(kind, source.namespace), {
          fieldSelector: `metadata.name=${name}`,
        });
  const style = { ...styleOf(kind, options, false), widths: [] };
  let columns: Table['columnDefinitions'];
  let headers = options.headers;
  for (;;) {
    const url = `${path}${path.includes('?') ? '&' : '?'}watch=1`;
    for await (const line of readLines(await session.open({ path: url, accept: tableAccept }))) {
      // The server writes one event per line.
      const { type, object } = JSON.parse(line) as { type: string; object: unknown };
      if (type === 'ERROR') throw new Failure(messageOf(object));
      if (!isTable(object) || type === 'BOOKMARK') continue;
      columns = object.columnDefinitions?.length ? object.columnDefinitions : columns;
      const table = { ...object, ...(columns === undefined ? {} : { columnDefinitions: columns }) };
      const lines = formatTable(table, { ...style, headers });
      process.stdout.write(`${lines.join('\n')}\n`);
      headers = false;
    }
    // The server ends a watch now and then; objects would be printed anew, which does no harm.
  }
}

function messageOf(status: unknown): string {
  return (status as { message?: string } | null)?.message ?? 'the watch ended with an error';
}
