/** Whether a Docker engine answers on this machine, asked without any library. */
import { request } from 'node:http';
import { Failure } from '../failure.ts';

/** Where the engine listens: as `DOCKER_HOST` says, for the docker command too, or where it usually is. */
export function dockerSocket(host = process.env['DOCKER_HOST'] ?? ''): string {
  if (host === '') return '/var/run/docker.sock';
  const path = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
  if (path !== undefined) return path;
  throw new Failure(
    `DOCKER_HOST is "${host}": it must be the socket of an engine on this machine, as in ` +
      'unix:///var/run/docker.sock, or not set',
  );
}

const timeoutMs = 5_000;

export type EngineProbe =
  | {
      readonly type: 'ready';
      readonly version: string;
      readonly cgroupVersion: string;
      readonly cgroupDriver: string;
      readonly rootDir: string;
      readonly liveRestore: boolean;
    }
  | { readonly type: 'absent' }
  | { readonly type: 'not running' }
  | { readonly type: 'no permission' }
  | { readonly type: 'failing'; readonly why: string };

export async function probeEngine(socketPath = dockerSocket()): Promise<EngineProbe> {
  try {
    const info = await getJson(socketPath, '/info');
    const text = (value: unknown) => (typeof value === 'string' ? value : 'unknown');
    return {
      type: 'ready',
      version: text(info['ServerVersion']),
      cgroupVersion: text(info['CgroupVersion']),
      cgroupDriver: text(info['CgroupDriver']),
      rootDir: text(info['DockerRootDir']),
      liveRestore: info['LiveRestoreEnabled'] === true,
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException; // Only errors are thrown there.
    if (code === 'ENOENT') return { type: 'absent' };
    if (code === 'ECONNREFUSED') return { type: 'not running' };
    if (code === 'EACCES' || code === 'EPERM') return { type: 'no permission' };
    return { type: 'failing', why: message };
  }
}

/** What is wrong with the engine and what to do about it; `undefined` when it is ready. Pure. */
export function engineRemedy(probe: EngineProbe): string | undefined {
  switch (probe.type) {
    case 'ready':
      return undefined;
    case 'absent':
      return (
        'no Docker engine runs on this machine: install one ("apt-get install docker.io") ' +
        'or start it ("systemctl start docker", or "dockerd")'
      );
    case 'not running':
      return 'the Docker engine does not run: start it ("systemctl start docker", or "dockerd")';
    case 'no permission':
      return `no access to Docker (${dockerSocket()}): run as root, or join the group "docker"`;
    case 'failing':
      return `the Docker engine at ${dockerSocket()} does not answer (${probe.why}): see its log`;
  }
}

function getJson(socketPath: string, path: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, timeout: timeoutMs }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        try {
          if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${text.trim()}`);
          resolve(JSON.parse(text) as Record<string, unknown>); // The engine answers an object.
        } catch (error) {
          reject(error);
        }
      });
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('timed out')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}
