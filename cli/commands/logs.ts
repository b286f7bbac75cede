/** `berth logs`: what containers wrote. */
import { once } from 'node:events';
import type { Command } from 'commander';
import { readLines } from '../../client/lines.ts';
import { withQuery } from '../../client/paths.ts';
import { durationMs, newCommand, wholeNumber } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { type Instance, instanceNamed, instancePath, podsOf } from '../verbs/pods.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';

interface LogsOptions extends SessionOptions {
  readonly follow?: boolean;
  readonly tail?: number;
  readonly since?: number;
  readonly previous?: boolean;
  readonly container?: string;
  readonly timestamps?: boolean;
  readonly selector?: string;
}

const linesMax = 1_000_000_000;

export function logsCommand(): Command {
  const command = newCommand({
    name: 'logs',
    purpose: "Prints the log of a pod's container, or the console of a virtual machine.",
    examples: [
      'berth logs web-7d4f9-x2k5q',
      'berth logs workload/web -f                    # of one of its pods',
      'berth logs -l app=web -f --tail 10            # of all with the label, each line marked',
      'berth logs web-7d4f9-x2k5q -c proxy -p        # of the run before the last restart',
      'berth logs vm/db -f                           # what its console prints',
    ],
  })
    .argument('[pod]', 'pod, or KIND/NAME')
    .option('-f, --follow', 'go on until the container ends')
    .option('--tail <lines>', 'only the last lines', wholeNumber('--tail', 0, linesMax))
    .option('--since <duration>', 'only what is newer: 90s, 5m, 2h', durationMs)
    .option('-p, --previous', 'of the run before the last restart')
    .option('-c, --container <name>', 'which container, where there are several')
    .option('--timestamps', 'begin each line with its time')
    .option('-l, --selector <labels>', 'of all pods with these labels');
  return addSessionOptions(command).action((pod: string | undefined, options: LogsOptions) =>
    withSession(options, (session) => logs(session, pod, options)),
  );
}

async function logs(
  session: Session,
  pod: string | undefined,
  options: LogsOptions,
): Promise<void> {
  const { selector } = options;
  if ((pod === undefined) === (selector === undefined)) {
    throw usage('name a pod, or pods by their labels (-l)');
  }
  if (pod !== undefined) {
    const path = logPath(session, await instanceNamed(session, pod), options);
    for await (const chunk of await session.open({ path })) await print(chunk);
    return;
  }
  const names = await podsOf(session, selector ?? '');
  if (names.length === 0) throw new Failure(`no pod has the labels "${selector}"`);
  await Promise.all(names.map((name) => printMarked(session, name, options)));
}

function logPath(session: Session, instance: Instance, options: LogsOptions): string {
  const { follow, tail, since, previous, container, timestamps } = options;
  return withQuery(instancePath(session, instance, 'log'), {
    follow,
    previous,
    timestamps,
    container,
    tailLines: tail,
    sinceSeconds: since === undefined ? undefined : Math.max(1, Math.ceil(since / 1000)),
  });
}

async function printMarked(session: Session, name: string, options: LogsOptions): Promise<void> {
  const path = logPath(session, { resource: 'pods', name }, options);
  for await (const line of readLines(await session.open({ path }))) {
    await print(`[${name}] ${line}\n`);
  }
}

async function print(chunk: Uint8Array | string): Promise<void> {
  if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
}
