/** `berth restore`: fills a plane's store from a file that `berth backup` wrote. */
import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { createLog } from '../../lib/log.ts';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { loadConfig, resolveConfig, saveConfig } from '../plane/config.ts';
import { addStoreOptions, type PlaneCommandOptions, planeFlags } from '../plane/options.ts';
import { defaultDataDir, planePaths } from '../plane/paths.ts';
import { readPidFile } from '../plane/pid-file.ts';

interface RestoreOptions extends PlaneCommandOptions {
  readonly force?: boolean;
}

const timeoutMs = 3_600_000;

export function restoreCommand(): Command {
  const command = newCommand({
    name: 'restore',
    purpose:
      'Makes the store of a plane hold what a backup holds, on either kind of store. The plane must not\n' +
      'run, on no machine that shares the store. What runs on nodes goes on and is found again; what was\n' +
      'made after the backup is removed when the plane starts.',
    examples: [
      'berth restore /backup/berth.bak                          # into an empty data directory',
      'berth restore /backup/berth.bak --store etcd://10.0.0.1  # from the embedded store to etcd',
      'berth restore /backup/berth.bak --force                  # replace what is there',
    ],
  })
    .argument('<file>', 'written by "berth backup"')
    .option('--force', 'replace what the store and the data directory hold');
  return addStoreOptions(command).action(restore);
}

async function restore(file: string, options: RestoreOptions): Promise<void> {
  const path = resolve(file);
  const paths = planePaths(options.dataDir ?? defaultDataDir());
  const running = readPidFile(paths.pidFile);
  if (running !== undefined) {
    throw new Failure(
      `Berth runs in ${paths.dataDir} (pid ${running.pid}): run "berth down" first`,
    );
  }
  const [
    { readBackupFile, restoreFiles, verifyBackupFile },
    { openPlaneStore },
    { forgetAuthority },
    store,
  ] = await Promise.all([
    import('../plane/backup-file.ts'),
    import('../plane/open-store.ts'),
    import('../plane/one-authority.ts'),
    import('../../store/index.ts'),
  ]);
  // All of it, before anything is touched.
  const { header, files } = await verifyBackupFile(path);
  const force = options.force === true;
  if (files.length > 0 && existsSync(paths.pki) && !force) {
    throw new Failure(`${paths.dataDir} has keys of its own: --force replaces them`);
  }
  const config = resolveConfig(paths, planeFlags(options), loadConfig(paths.dataDir));
  const signal = AbortSignal.timeout(timeoutMs);
  mkdirSync(paths.dataDir, { recursive: true, mode: 0o700 });
  const target = await openPlaneStore(config, createLog('error'));
  try {
    if (!force && !(await store.isEmpty(target, { signal }))) {
      throw new Failure(`the store ${config.store} is not empty: --force replaces what it holds`);
    }
    const { revision } = await store.restoreStore(target, await readBackupFile(path), { signal });
    await restoreFiles(path, paths);
    if (files.length === 0) await forgetAuthority(target, { signal });
    saveConfig(paths, config);
    const keys =
      files.length > 0
        ? ''
        : ' It has no keys: nodes and clients need new ones, and containers a new start.';
    process.stdout.write(
      `${header.count} entries of ${header.created} restored into ${config.store} ` +
        `(revision ${revision}).${keys} "berth up" starts the plane.\n`,
    );
  } finally {
    await target.close();
  }
}
