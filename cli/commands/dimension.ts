/** `berth dimension check`: does a program, or a module, answer as the scheduler expects? */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import type { JsonValue } from '../../api/meta.ts';
import { httpAsker } from '../../scheduler/extensions/http-asker.ts';
import { workerAsker } from '../../scheduler/extensions/worker-asker.ts';
import { newCommand, wholeNumber } from '../command.ts';
import { Failure, usage } from '../failure.ts';

interface CheckOptions {
  readonly need: string;
  readonly node: string;
  readonly label: readonly string[];
  readonly capacity: readonly string[];
  readonly timeout: number;
  readonly certificateAuthority?: string;
}

export function dimensionCommand(): Command {
  const command = newCommand({
    name: 'dimension',
    purpose: "Works with dimensions of one's own (kind Dimension, docs/scheduling.md).",
    examples: ['berth dimension check http://127.0.0.1:9000 --need 1'],
  });
  const check = newCommand({
    name: 'dimension check',
    purpose:
      'Asks a program, or a module, as the scheduler would, and says whether it keeps to the protocol. The need must ' +
      'be one that fits on the node while nothing is held there.',
    examples: [
      'berth dimension check http://127.0.0.1:9000 --need 1',
      'berth dimension check ./licences.mjs --need \'{"seats":2}\' --node n1 --label site=berlin',
    ],
    exitCodes: '0 it keeps to the protocol, 1 it does not, 2 wrong usage',
  })
    .argument('<url|module>', 'http(s)://…, or the path of a module')
    .option('--need <json>', 'what an instance asks for: JSON, or text', '1')
    .option('--node <name>', 'the node that is asked about', 'node-1')
    .option('--label <key=value...>', 'its labels', [])
    .option('--capacity <resource=amount...>', 'what it has, in the smallest unit', [])
    .option(
      '--timeout <seconds>',
      'how long an answer may take',
      wholeNumber('--timeout', 1, 30),
      2,
    )
    .option('--certificate-authority <file>', 'whom to trust of https://…, in PEM')
    .action(checkTarget);
  return command.addCommand(check.name('check'));
}

async function checkTarget(target: string, options: CheckOptions): Promise<void> {
  const { checkDimension } = await import('../../scheduler/extensions/check.ts');
  const authority = options.certificateAuthority;
  const ca = authority && readFileSync(existing(authority), 'utf8');
  const asker = /^https?:\/\//.test(target)
    ? httpAsker(target, { ca })
    : workerAsker(pathToFileURL(existing(target)).href);
  const capacity = pairs('--capacity', options.capacity).map(([key, text]) => {
    const amount = Number(text);
    if (!Number.isFinite(amount)) throw usage(`--capacity ${key} must be a number, not "${text}"`);
    return [key, amount] as const;
  });
  const findings = await checkDimension({
    asker,
    need: needOf(options.need),
    node: {
      name: options.node,
      labels: Object.fromEntries(pairs('--label', options.label)),
      capacity: Object.fromEntries(capacity),
      held: [],
    },
    timeoutMs: options.timeout * 1000,
  });
  for (const { rule, wrong } of findings) {
    process.stdout.write(wrong === undefined ? `ok    ${rule}\n` : `FAIL  ${rule}: ${wrong}\n`);
  }
  await asker.close?.();
  const failed = findings.filter(({ wrong }) => wrong !== undefined).length;
  if (failed > 0) throw new Failure(`${failed} of ${findings.length} rules do not hold`);
}

function existing(path: string): string {
  const whole = resolve(path);
  if (!existsSync(whole)) throw new Failure(`${path} does not exist`);
  return whole;
}

function needOf(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue; // JSON it is, or an error.
  } catch {
    return text; // As in an annotation.
  }
}

function pairs(option: string, words: readonly string[]): readonly (readonly [string, string])[] {
  return words.map((word) => {
    const at = word.indexOf('=');
    if (at < 1) throw usage(`${option} must be KEY=VALUE, not "${word}"`);
    return [word.slice(0, at), word.slice(at + 1)];
  });
}
