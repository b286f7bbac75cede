import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { createDockerRuntime } from '../../runtime/docker/docker.ts';
import { busyboxImage, loadBusyboxImage } from '../harness/images.ts';
import { podContract } from './pod.ts';

const command = (script: string) => ['/bin/sh', '-c', script];

podContract('docker', {
  ...{ spec: {}, bootMs: 60_000, command },
  prepare: loadBusyboxImage,
  open: (nodeId) => createDockerRuntime({ nodeId, clock: systemClock, log: silentLog }),
  container: (script) => ({ name: 'main', image: busyboxImage, command: command(script) }),
});
