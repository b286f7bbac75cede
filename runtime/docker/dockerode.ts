/**
 * dockerode without two clients that it loads for other ways to an engine: SSH, and gRPC for the sessions of BuildKit.
 * Berth talks to a socket and builds nothing, and they are a tenth of its start.
 */
import { createRequire, Module } from 'node:module';
import type Docker from 'dockerode';

const require = createRequire(import.meta.url);
const dockerode = createRequire(require.resolve('dockerode'));
const modem = createRequire(dockerode.resolve('docker-modem'));

leaveOut(modem.resolve('./ssh'));
leaveOut(dockerode.resolve('./session'));

// What `import` would give, but that must come after the two lines above.
export const Dockerode = require('dockerode') as typeof Docker;

/** A module that was loaded already stays; each is called only by those who want its way. */
function leaveOut(path: string): void {
  const absent = new Module(path);
  absent.exports = () => {
    throw new Error('this way to a Docker engine is left out');
  };
  absent.loaded = true;
  require.cache[path] ??= absent;
}
