/** Opens the store of a plane from its configuration, with errors in plain words. */
import { mkdirSync, readFileSync } from 'node:fs';
import { systemClock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { openStore, parseStoreUrl, type Store, StoreError } from '../../store/index.ts';
import { Failure } from '../failure.ts';
import type { PlaneConfig } from './config.ts';

/** Throws `Failure` for what a person can mend. */
export async function openPlaneStore(config: PlaneConfig, log: Log): Promise<Store> {
  const { store: url, storeCa, storeCert, storeKey } = config;
  const location = parse(url);
  if (location.type === 'embedded') {
    mkdirSync(location.directory, { recursive: true, mode: 0o700 });
  }
  const tls =
    storeCa === undefined
      ? {}
      : {
          tls: {
            ca: readFileSync(storeCa, 'utf8'),
            ...(storeCert === undefined ? {} : { cert: readFileSync(storeCert, 'utf8') }),
            ...(storeKey === undefined ? {} : { key: readFileSync(storeKey, 'utf8') }),
          },
        };
  try {
    return await openStore(url, { ...tls, clock: systemClock, log: log.child({ part: 'store' }) });
  } catch (error) {
    const unreachable = error instanceof StoreError && error.reason === 'Unavailable';
    const said = error instanceof Error ? error.message : String(error);
    const why = unreachable ? 'nobody answers there' : said;
    const remedy =
      location.type === 'etcd'
        ? 'is etcd running there? See --store'
        : 'see --data-dir and --store';
    throw new Failure(`the store ${url} cannot be opened: ${why} (${remedy})`, { cause: error });
  }
}

function parse(url: string) {
  try {
    return parseStoreUrl(url);
  } catch (error) {
    if (error instanceof TypeError) throw new Failure(error.message, { cause: error, exitCode: 2 });
    throw error;
  }
}
