/** What this Berth is called: its own version, and the Kubernetes version that it speaks. */
import { readFileSync } from 'node:fs';

export interface Version {
  /** Of the package. */
  readonly berth: string;
  /** The answer to `/version`. */
  readonly info: {
    readonly major: string;
    readonly minor: string;
    readonly gitVersion: string;
    readonly [field: string]: string;
  };
}

const kubernetes = { major: '1', minor: '36', patch: '0' } as const;

export function readVersion(): Version {
  const berth = packageVersion();
  const { major, minor, patch } = kubernetes;
  return {
    berth,
    info: {
      major,
      minor,
      gitVersion: `v${major}.${minor}.${patch}+berth.${berth}`,
      gitCommit: '',
      gitTreeState: '',
      buildDate: '',
      goVersion: `nodejs ${process.version}`,
      compiler: 'v8',
      platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
    },
  };
}

function packageVersion(): string {
  // Two folders up in the sources, three in dist.
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      // Ours, and checked right below.
      const text = readFileSync(new URL(path, import.meta.url), 'utf8');
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === 'berth' && version !== undefined) return version;
    } catch {
      // Not there: the other place has it.
    }
  }
  return '0.0.0';
}
