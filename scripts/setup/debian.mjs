// Debian's packages: installs those that are missing.
import { existsSync } from 'node:fs';
import { run } from './processes.mjs';
import { Failure } from './steps.mjs';

/** Installs `packages`; `why` says in the error what they are for. */
export async function installPackages(packages, why) {
  const names = packages.join(' ');
  if (!existsSync('/usr/bin/apt-get')) {
    throw new Failure(`${why}, and this is no Debian: install it by hand (there: ${names})`);
  }
  if (process.getuid?.() !== 0) {
    throw new Failure(`${why}: run "apt-get install ${names}" as root, or this script as root`);
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run('apt-get', ['update'], { env }).catch(() => run('apt-get', ['update'], { env }));
    await run('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env });
  } catch (error) {
    throw new Failure(`${why}, and installing ${names} failed: ${error.message}`);
  }
}

/** Those of `packages` (a name and how one sees that it is there) that are not there. */
export async function installMissing(packages, why, note) {
  const missing = packages.filter(({ isThere }) => !isThere()).map(({ name }) => name);
  if (missing.length === 0) return 'all there';
  note(`installing ${missing.join(', ')}`);
  await installPackages(missing, why);
  return `installed ${missing.join(', ')}`;
}
