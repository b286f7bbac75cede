/** `berth kubeconfig`: how kubectl and others reach the plane. */
import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { dataDirHelp } from '../plane/options.ts';
import { defaultDataDir, planePaths } from '../plane/paths.ts';

interface KubeconfigOptions {
  readonly dataDir?: string;
  readonly raw?: boolean;
  readonly node?: string;
  readonly server?: string;
}

export function kubeconfigCommand(): Command {
  return newCommand({
    name: 'kubeconfig',
    purpose:
      "Prints the path of the plane's kubeconfig, or its content. With --node it makes one for the\n" +
      'agent of another node.',
    examples: [
      'export KUBECONFIG=$(berth kubeconfig)',
      'berth kubeconfig --raw > copy.yaml',
      'berth kubeconfig --node n2 --server https://10.0.0.1:6443 > n2.kubeconfig',
    ],
  })
    .option('--data-dir <dir>', dataDirHelp)
    .option('--raw', 'print the content')
    .option('--node <name>', 'print a new kubeconfig for the agent of that node')
    .option('--server <url>', 'with --node: the address under which that node reaches this server')
    .action(kubeconfig);
}

async function kubeconfig(options: KubeconfigOptions): Promise<void> {
  const paths = planePaths(options.dataDir ?? defaultDataDir());
  if (!existsSync(paths.kubeconfig)) {
    throw new Failure(`there is no plane in ${paths.dataDir}: start one with "berth up"`);
  }
  if (options.node !== undefined) {
    process.stdout.write(await forNode(paths, options.node, options.server));
  } else if (options.raw === true) {
    process.stdout.write(readFileSync(paths.kubeconfig, 'utf8'));
  } else {
    process.stdout.write(`${paths.kubeconfig}\n`);
  }
}

async function forNode(
  paths: ReturnType<typeof planePaths>,
  node: string,
  server: string | undefined,
): Promise<string> {
  const [{ nodeIdentity }, { formatKubeconfig, loadKubeconfig }] = await Promise.all([
    import('../plane/identity.ts'),
    import('../../client/kubeconfig.ts'),
  ]);
  const identity = await nodeIdentity(paths, node, []);
  const url = server ?? loadKubeconfig(paths.kubeconfig).server;
  return formatKubeconfig({ ...identity, server: url, user: `system:node:${node}` });
}
