/** What a node is told about networks by CNI: which are its own, and where they are configured. */
import { isAbsolute } from 'node:path';
import type { Command } from 'commander';
import { usage } from '../failure.ts';

export interface CniFlags {
  /** What an instance gets that names no network; default bridge. */
  readonly network?: 'bridge' | 'cni';
  /** Default /etc/cni/net.d. */
  readonly cniConfDir?: string;
  /** Default /opt/cni/bin and /usr/lib/cni. */
  readonly cniBinDirs?: readonly string[];
}

/** What commander hands over. */
export interface CniCommandOptions {
  readonly network?: 'bridge' | 'cni';
  readonly cniConfDir?: string;
  readonly cniBinDir?: readonly string[];
}

export function addCniOptions(command: Command): Command {
  return command
    .option(
      '--network <way>',
      'what an instance gets that names no network: bridge, or cni for the first of --cni-conf-dir (default: bridge)',
      networkWay,
    )
    .option(
      '--cni-conf-dir <dir>',
      'where networks by CNI are configured (default: /etc/cni/net.d)',
      (path: string) => absolute('--cni-conf-dir', path),
    )
    .option(
      '--cni-bin-dir <dir>',
      'where plugins of CNI lie; several times for several (default: /opt/cni/bin and /usr/lib/cni)',
      (path: string, before: readonly string[] = []) => [
        ...before,
        absolute('--cni-bin-dir', path),
      ],
    );
}

/** Only what was said. */
export function cniFlags({ network, cniConfDir, cniBinDir }: CniCommandOptions): CniFlags {
  const dirs = cniBinDir === undefined ? {} : { cniBinDirs: cniBinDir };
  return {
    ...(network === undefined ? {} : { network }),
    ...(cniConfDir === undefined ? {} : { cniConfDir }),
    ...dirs,
  };
}

/** Of all that a node is told, what is about CNI. */
export function cniOf({ network, cniConfDir, cniBinDirs }: CniFlags): CniFlags {
  return {
    ...(network === undefined ? {} : { network }),
    ...(cniConfDir === undefined ? {} : { cniConfDir }),
    ...(cniBinDirs === undefined ? {} : { cniBinDirs }),
  };
}

function networkWay(text: string): 'bridge' | 'cni' {
  if (text === 'bridge' || text === 'cni') return text;
  throw usage(`--network must be bridge or cni, not "${text}"`);
}

function absolute(name: string, path: string): string {
  if (isAbsolute(path)) return path;
  throw usage(`${name} must be an absolute path, not "${path}"`);
}
