/** `berth backup`: the whole state of a plane in one file. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { createLog } from '../../lib/log.ts';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { loadConfig, resolveConfig } from '../plane/config.ts';
import { addStoreOptions, type PlaneCommandOptions, planeFlags } from '../plane/options.ts';
import { defaultDataDir, type PlanePaths, planePaths } from '../plane/paths.ts';
import { readPidFile } from '../plane/pid-file.ts';
import { readVersion } from '../version.ts';

interface BackupOptions extends PlaneCommandOptions {
  readonly withKeys?: boolean;
  readonly verify?: boolean;
}

const timeoutMs = 600_000;

export function backupCommand(): Command {
  const command = newCommand({
    name: 'backup',
    purpose:
      'Saves all objects as of one moment into a file that its owner only can read. The plane may run\n' +
      'meanwhile; where it does not, its store is read directly.',
    examples: [
      'berth backup /backup/berth.bak --with-keys      # a whole plane: move the file away from here',
      'berth backup --verify /backup/berth.bak         # is it whole?',
    ],
  })
    .argument('<file>', 'where to; an old file of that name is replaced once the new one is whole')
    .option(
      '--with-keys',
      'certificates, keys and tokens too, so that the plane keeps its identity',
    )
    .option('--verify', 'only read the file and check it');
  return addStoreOptions(command).action(backup);
}

async function backup(file: string, options: BackupOptions): Promise<void> {
  const path = resolve(file);
  const { identityFiles, verifyBackupFile, writeBackupFile } = await import(
    '../plane/backup-file.ts'
  );
  if (options.verify === true) {
    const { header, files } = await verifyBackupFile(path);
    const keys = files.length === 0 ? 'without keys' : `with ${files.length} files of keys`;
    process.stdout.write(
      `${path} is whole: ${header.count} entries as of revision ${header.revision}, ` +
        `${header.created}, ${keys}.\n`,
    );
    return;
  }
  const paths = planePaths(options.dataDir ?? defaultDataDir());
  const files = options.withKeys === true ? identityFiles(paths) : [];
  await withBackup(paths, options, async (saved) => {
    const bytes = await writeBackupFile(path, saved, files);
    const { count, revision } = saved.header;
    process.stdout.write(
      `${count} entries as of revision ${revision} saved in ${path} (${bytes} bytes).\n`,
    );
  });
}

type Backup = Awaited<ReturnType<typeof import('../plane/backup-file.ts').receivedBackup>>;

/** From the running plane, or from its store. */
async function withBackup(
  paths: PlanePaths,
  options: BackupOptions,
  use: (saved: Backup) => Promise<void>,
): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  if (readPidFile(paths.pidFile) !== undefined) {
    const [{ withSession }, { receivedBackup }] = await Promise.all([
      import('../verbs/session.ts'),
      import('../plane/backup-file.ts'),
    ]);
    return withSession({ dataDir: paths.dataDir }, async (session) => {
      const body = await session.open({ path: '/backup', accept: '*/*', signal });
      await use(await receivedBackup(body));
    });
  }
  const [{ openPlaneStore }, { checkWhole, saveStore }] = await Promise.all([
    import('../plane/open-store.ts'),
    import('../../store/index.ts'),
  ]);
  const config = resolveConfig(paths, planeFlags(options), loadConfig(paths.dataDir));
  const directory = config.store.replace(/^embedded:/, '');
  if (directory !== config.store && !existsSync(directory)) {
    throw new Failure(
      `there is no store in ${directory}: name the plane with --data-dir or --store`,
    );
  }
  const store = await openPlaneStore(config, createLog('error'));
  try {
    await checkWhole(store, { signal });
    const created = new Date().toISOString();
    await use(
      await saveStore(store, { created, berth: readVersion().info.gitVersion }, { signal }),
    );
  } finally {
    await store.close();
  }
}
