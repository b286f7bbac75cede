/** `berth token`: bootstrap tokens, with which machines join. */
import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { humanAge } from '../../api/duration.ts';
import { hasReason } from '../../api/status.ts';
import { durationMs, newCommand } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { addSessionOptions, type SessionOptions, withSession } from '../verbs/session.ts';
import { align } from '../verbs/table.ts';
import { serverOf } from './agent.ts';

interface CreateOptions extends SessionOptions {
  readonly ttl: number;
  readonly description?: string;
  readonly printJoinCommand?: boolean;
  readonly server?: string;
}

const secretsPath = '/api/v1/namespaces/kube-system/secrets';
const type = 'bootstrap.kubernetes.io/token';
const prefix = 'bootstrap-token-';

export function tokenCommand(): Command {
  const command = newCommand({
    name: 'token',
    purpose:
      'Makes, lists and deletes the tokens with which machines join this plane. A token lets its\n' +
      'bearer ask for the certificate of a new node, and nothing else, until it expires.',
    examples: [
      'berth token create --print-join-command     # the line to run on the new machine',
      'berth token create --ttl 1h',
      'berth token list',
      'berth token delete abcdef',
    ],
  });
  const create = part('create', 'make a token and print it')
    .option('--ttl <duration>', 'how long it can be used; 0 = for ever', ttl, 86_400_000)
    .option('--description <text>', 'what it is for')
    .option(
      '--print-join-command',
      'print the whole "berth join" line, with the hash of the authority',
    )
    .option(
      '--server <url>',
      'the address in that line (default: the one of the kubeconfig)',
      serverOf,
    )
    .action(createToken);
  const list = part('list', 'show the tokens, without their secrets').action(listTokens);
  const remove = part('delete', 'delete a token')
    .argument('<id>', 'its six first characters, or the whole token')
    .action(deleteToken);
  for (const each of [create, list, remove]) command.addCommand(each);
  return command;
}

function part(name: string, summary: string): Command {
  const command = new Command(name)
    .description(summary)
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  return addSessionOptions(command);
}

function ttl(text: string): number {
  return text === '0' ? 0 : durationMs(text);
}

async function createToken(options: CreateOptions): Promise<void> {
  const id = letters(6);
  const secret = letters(16);
  const stringData = {
    'token-id': id,
    'token-secret': secret,
    'usage-bootstrap-authentication': 'true',
    ...(options.ttl === 0 ? {} : { expiration: inFuture(options.ttl) }),
    ...(options.description === undefined ? {} : { description: options.description }),
  };
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${prefix}${id}` },
    type,
    stringData,
  };
  await withSession(options, async (session) => {
    await session.call({ method: 'POST', path: secretsPath, body });
    if (options.printJoinCommand !== true) {
      process.stdout.write(`${id}.${secret}\n`);
      return;
    }
    const { ca } = session.kubeconfig;
    if (ca === undefined) {
      throw new Failure('the kubeconfig holds no authority: use the one of the plane itself');
    }
    const { authorityHash } = await import('../plane/authority.ts');
    const server = options.server ?? (await reachable(session.kubeconfig.server, options));
    process.stdout.write(
      `berth join ${server} --token ${id}.${secret} --ca-hash ${authorityHash(ca)}\n`,
    );
  });
}

/** Where others reach the server; told apart from where this machine does. */
async function reachable(server: string, options: SessionOptions): Promise<string> {
  const { hostname, port } = new URL(server);
  if (hostname !== '127.0.0.1' && hostname !== 'localhost' && hostname !== '[::1]') return server;
  const [{ loadConfig, reachableHost, serverUrl }, { defaultDataDir }] = await Promise.all([
    import('../plane/config.ts'),
    import('../plane/paths.ts'),
  ]);
  const config = loadConfig(options.dataDir ?? defaultDataDir());
  const own = config !== undefined && String(config.port) === port ? config.host : '127.0.0.1';
  const host = reachableHost(own);
  if (host === '127.0.0.1') {
    process.stderr.write(
      'berth: this server listens to its own machine only; for others start it with ' +
        '"berth up --host 0.0.0.0"\n',
    );
  }
  return serverUrl(host, Number(port || 443));
}

async function listTokens(options: SessionOptions): Promise<void> {
  await withSession(options, async (session) => {
    const path = `${secretsPath}?fieldSelector=${encodeURIComponent(`type=${type}`)}`;
    const { body } = await session.call({ path });
    const items = body['items'] as readonly TokenSecret[]; // A list of Secrets, by its path.
    const rows = items.map((item) => rowOf(item, Date.now()));
    if (rows.length === 0) process.stdout.write('There are no tokens.\n');
    else
      process.stdout.write(
        `${align([['TOKEN', 'TTL', 'EXPIRES', 'DESCRIPTION'], ...rows]).join('\n')}\n`,
      );
  });
}

interface TokenSecret {
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
}

/** Without the secret, which nobody needs twice. */
function rowOf({ metadata, data = {} }: TokenSecret, nowMs: number): string[] {
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  const expiration = text('expiration');
  const leftMs = Date.parse(expiration) - nowMs;
  const left = expiration === '' ? '<forever>' : leftMs <= 0 ? '<expired>' : ageOf(leftMs, nowMs);
  const id = metadata.name.slice(prefix.length);
  return [`${id}.****************`, left, expiration || '<never>', text('description') || '<none>'];
}

function ageOf(ms: number, nowMs: number): string {
  return humanAge(new Date(nowMs - ms).toISOString(), nowMs);
}

async function deleteToken(token: string, options: SessionOptions): Promise<void> {
  const [id = ''] = token.split('.');
  if (!/^[a-z0-9]{6}$/.test(id)) {
    throw usage(`"${token}" is no token: its id has six lower-case letters or digits`);
  }
  await withSession(options, async (session) => {
    try {
      await session.call({ method: 'DELETE', path: `${secretsPath}/${prefix}${id}` });
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
      throw new Failure(`there is no token ${id}: "berth token list" shows all`, { cause: error });
    }
    process.stdout.write(`token ${id} deleted\n`);
  });
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Every letter as likely as the others. */
function letters(length: number): string {
  const fair = 256 - (256 % alphabet.length);
  let text = '';
  while (text.length < length) {
    const [byte = 255] = randomBytes(1);
    if (byte < fair) text += alphabet[byte % alphabet.length];
  }
  return text;
}

/** Whole seconds. */
function inFuture(ms: number): string {
  return new Date(Date.now() + ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
