import { expect, it } from 'vitest';
import { dockerSocket } from './docker-engine.ts';

it('takes the engine from DOCKER_HOST, and refuses one that is not on this machine', () => {
  expect(dockerSocket('')).toBe('/var/run/docker.sock');
  expect(dockerSocket('unix:///tmp/other.sock')).toBe('/tmp/other.sock');
  for (const host of ['tcp://10.0.0.1:2375', 'unix://', '/tmp/other.sock']) {
    expect(() => dockerSocket(host)).toThrow(/must be the socket of an engine on this machine/);
  }
});
