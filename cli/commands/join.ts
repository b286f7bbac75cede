/** `berth join`: makes this machine a node of a plane that runs elsewhere. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { durationMs, newCommand } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { type Joined, loadJoined, refusePlane, saveJoined } from '../join/joined.ts';
import { addDisk, diskHelp } from '../node/disks.ts';
import { addNodeOptions, nodeFlags } from '../node/node-flags.ts';
import { checkThresholds } from '../node/thresholds.ts';
import { machineName } from '../plane/config.ts';
import {
  addLogLevel,
  dataDirHelp,
  leaseHelp,
  type PlaneCommandOptions,
  patience,
} from '../plane/options.ts';
import { defaultDataDir, type PlanePaths, planePaths } from '../plane/paths.ts';
import { readPidFile } from '../plane/pid-file.ts';
import { serverOf } from './agent.ts';

interface JoinOptions extends PlaneCommandOptions {
  readonly token?: string;
  readonly caHash?: string;
  readonly address?: string;
  readonly certificateTtl?: number;
  readonly start: boolean;
}

export function joinCommand(): Command {
  const command = newCommand({
    name: 'join',
    purpose:
      'Makes this machine a node of the plane at that address, and starts its agent in the\n' +
      'background. "berth token create --print-join-command" on the server prints the whole line.\n' +
      'Several URLs are several servers of one plane. Safe to run twice; "berth agent" starts the\n' +
      'agent later, "berth down" stops it.',
    examples: [
      'berth join https://10.0.0.1:6443 --token abcdef.0123456789abcdef --ca-hash sha256:…',
      'berth join https://10.0.0.1:6443 https://10.0.0.2:6443 --token … --ca-hash …',
      'berth join https://127.0.0.1:6443 --token … --ca-hash … --data-dir /tmp/n2 --node-name n2',
      'berth join                                         # has joined before: starts its agent',
    ],
  })
    .argument(
      '[url...]',
      'https://host:port of the server, or of each of several; not needed once it has joined',
    )
    .option('--token <id.secret>', 'from "berth token create"')
    .option('--ca-hash <hash>', "sha256:… of the plane's authority, printed beside the token")
    .option('--node-name <name>', 'name of this node (default: the host name)')
    .option('--data-dir <dir>', dataDirHelp)
    .option('--address <ip>', 'under which the servers reach this node (default: found out)')
    .option('--disk <disk>', diskHelp, addDisk)
    .option('--node-lease-duration <duration>', leaseHelp, patience('--node-lease-duration'))
    .option(
      '--certificate-ttl <duration>',
      'how long certificates of this node are valid, 10m or more (default: a year); they renew themselves',
      certificateTtl,
    )
    .option('--no-start', 'only join; "berth agent" starts the agent');
  return addLogLevel(addNodeOptions(command)).action(join);
}

const joinHint = '"berth token create --print-join-command" on the server prints the whole line';
const ttlMinMs = 600_000;

function certificateTtl(text: string): number {
  const ms = durationMs(text);
  if (ms < ttlMinMs) throw usage(`--certificate-ttl must be at least 10m, not "${text}"`);
  return ms / 1_000;
}

async function join(urls: readonly string[], options: JoinOptions): Promise<void> {
  const paths = planePaths(options.dataDir ?? defaultDataDir());
  refusePlane(paths);
  const known = loadJoined(paths);
  const servers = urls.length === 0 ? known?.servers : urls.map(serverOf);
  if (servers === undefined) throw usage(`the server's address is missing: ${joinHint}`);
  const nodeName = options.nodeName ?? known?.nodeName ?? machineName();
  checkName(nodeName);
  checkThresholds({ ...known, ...nodeFlags(options) });
  if (known !== undefined) checkKnown(paths, known, servers, nodeName);
  const { checkRuntimes } = await import('../node/runtimes.ts');
  const lacking = await checkRuntimes();
  if (lacking !== undefined) process.stderr.write(`berth: ${lacking}\n`);
  if (known === undefined || options.token !== undefined || !existsSync(paths.agentPki)) {
    await enrol(paths, servers, nodeName, options);
    process.stdout.write(`This machine has joined ${servers[0]} as node "${nodeName}".\n`);
  } else {
    const { disk: disks } = options;
    const said = { ...nodeFlags(options), ...(disks === undefined ? {} : { disks }) };
    if (Object.keys(said).length > 0) saveJoined(paths, { ...known, ...said });
    process.stdout.write(`This machine is node "${nodeName}" of ${servers[0]} already.\n`);
  }
  if (!options.start) {
    process.stdout.write('"berth agent" starts its agent.\n');
    return;
  }
  await startAgent(paths, options.logLevel);
}

/** RFC 1123 subdomain, as for every object. */
function checkName(name: string): void {
  if (/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)) return;
  throw usage(`--node-name must consist of lower-case letters, digits, "-" and ".", not "${name}"`);
}

function checkKnown(
  { dataDir }: PlanePaths,
  known: Joined,
  servers: readonly string[],
  nodeName: string,
): void {
  const same = servers.some((server) => known.servers.includes(server));
  if (same && nodeName === known.nodeName) return;
  throw new Failure(
    `${dataDir} belongs to node "${known.nodeName}" of ${known.servers.join(', ')} already: choose ` +
      'another --data-dir, or remove that one once nothing runs under it any more',
  );
}

async function enrol(
  paths: PlanePaths,
  servers: readonly string[],
  nodeName: string,
  options: JoinOptions,
): Promise<void> {
  const { token, caHash, address, disk: disks } = options;
  const { nodeLeaseDuration: leaseMs, certificateTtl: seconds } = options;
  if (token === undefined) throw usage(`--token is missing: ${joinHint}`);
  if (caHash === undefined) {
    throw usage(`--ca-hash is missing, and nothing is trusted without it: ${joinHint}`);
  }
  const [{ joinNode }, { parseHash }] = await Promise.all([
    import('../join/join-node.ts'),
    import('../plane/authority.ts'),
  ]);
  await joinNode(paths, {
    servers,
    nodeName,
    token,
    caHash: parseHash(caHash),
    ...(address === undefined ? {} : { address }),
    ...(leaseMs === undefined ? {} : { leaseMs }),
    ...(disks === undefined ? {} : { disks }),
    ...nodeFlags(options),
    ...(seconds === undefined ? {} : { certificateSeconds: seconds }),
  });
}

async function startAgent(paths: PlanePaths, logLevel: string): Promise<void> {
  const running = readPidFile(paths.pidFile);
  if (running !== undefined) {
    process.stdout.write(
      `Its agent runs already (pid ${running.pid}). What was changed counts once it starts again ` +
        '("berth down", then "berth join"); what it runs goes on.\n',
    );
    return;
  }
  const { installedUnit, startService } = await import('../service/service.ts');
  const unit = installedUnit(paths);
  if (unit !== undefined) {
    const pid = await startService(unit);
    process.stdout.write(`Its agent runs (pid ${pid}).\n  log  journalctl -u ${unit}\n`);
    return;
  }
  const [{ startInBackground }, { joinedConfig }] = await Promise.all([
    import('../plane/background.ts'),
    import('../join/joined.ts'),
  ]);
  const joined = loadJoined(paths);
  if (joined === undefined) throw new Failure(`${paths.joined} has gone: join again`);
  const config = joinedConfig(joined);
  const { pid, lacking } = await startInBackground(paths, config, logLevel, 'agent');
  const state = lacking === undefined ? 'is ready' : 'runs';
  process.stdout.write(`Its agent ${state} (pid ${pid}).\n  log  ${paths.log}\n`);
  if (lacking !== undefined) process.stderr.write(`berth: ${lacking}\n`);
}
