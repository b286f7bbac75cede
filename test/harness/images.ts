import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { imageArchive } from '../../runtime/docker/image-archive.ts';
import { readProgress } from '../../runtime/docker/images.ts';

/** A small image with a shell, made from this machine's static busybox; no registry is needed. */
export const busyboxImage = 'berth-test/busybox:1';

const busyboxPaths = ['/usr/bin/busybox', '/bin/busybox'];

/** By engine. */
const loading = new WeakMap<Docker, Promise<void>>();

/** Loads `busyboxImage` into the engine unless it is there. Needs Debian's `busybox-static`. */
export function loadBusyboxImage(docker = new Docker({ socketPath: '/var/run/docker.sock' })) {
  const known = loading.get(docker) ?? load(docker);
  loading.set(docker, known);
  return known;
}

async function load(docker: Docker): Promise<void> {
  const images = await docker.listImages({ filters: { reference: [busyboxImage] } });
  if (images.length > 0) return;
  const busybox = busyboxPaths.find(existsSync);
  if (busybox === undefined) throw new Error('busybox is missing: apt-get install busybox-static');
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  const files = [
    ...['bin', 'etc', 'root', 'data'].map((path) => ({ path: `${path}/`, directory: true })),
    { path: 'tmp/', directory: true, mode: 0o1777 },
    { path: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n' },
    { path: 'etc/group', content: 'root:x:0:\napp:x:1000:\n' },
    { path: 'bin/busybox', mode: 0o755, content: readFileSync(busybox) },
    ...applets
      .filter((name) => name !== 'busybox')
      .map((name) => ({ path: `bin/${name}`, link: 'busybox' })),
  ];
  const { Arch: architecture } = await docker.version();
  const config = { Cmd: ['/bin/sh'], Env: ['PATH=/bin'] };
  const archive = imageArchive({ reference: busyboxImage, architecture, files, config });
  const progress = await docker.loadImage(Readable.from([archive]));
  await readProgress(docker, progress, new AbortController().signal);
}
