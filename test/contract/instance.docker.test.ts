import Docker from 'dockerode';
import { afterAll, beforeAll, describe } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { createDockerRuntime } from '../../runtime/docker/docker.ts';
import { TestEngine } from '../harness/docker-engine.ts';
import { busyboxImage, loadBusyboxImage } from '../harness/images.ts';
import { mainOf } from './instance/life.ts';
import { type InstanceHarness, instanceContract, outageContract } from './instance.ts';
import { cpuMilliOf, processOfContainer } from './kernel.ts';
import { oneShell } from './shell.ts';

interface Engine {
  readonly docker: Docker;
  readonly socketPath: string;
}

const machine = '/var/run/docker.sock';
const machines: Engine = { docker: new Docker({ socketPath: machine }), socketPath: machine };

function harnessOf(engine: () => Engine, outage: InstanceHarness['outage']): InstanceHarness {
  const processOf: InstanceHarness['processOf'] = (status) =>
    processOfContainer(mainOf(status).containerId.replace('docker://', ''));
  return {
    ...oneShell(busyboxImage),
    ...{ gaps: [], refusals: [], processOf },
    ...(outage === undefined ? {} : { outage }),
    prepare: () => loadBusyboxImage(engine().docker),
    open: (nodeId) => {
      const { socketPath } = engine();
      return createDockerRuntime({ nodeId, clock: systemClock, log: silentLog, socketPath });
    },
    cpuMilliOf: async (status) => cpuMilliOf(await processOf(status)),
    kill: async (pid) => void process.kill(pid, 'SIGKILL'),
    async leftovers(nodeId) {
      const filters = { label: [`berth.dev/node=${nodeId}`] };
      const found = await engine().docker.listContainers({ all: true, filters });
      return found.map(({ Names }) => Names.join());
    },
  };
}

instanceContract(
  'docker',
  harnessOf(() => machines, undefined),
);

describe('an engine of its own', () => {
  let own: TestEngine | undefined;
  beforeAll(async () => {
    own = await TestEngine.start(['--live-restore']);
  });
  afterAll(async () => {
    await own?.remove();
  });
  const engine = () => {
    if (own === undefined) throw new Error('the engine was not started');
    return own;
  };
  const outage = {
    inStarts: true,
    begin: () => engine().kill(),
    end: () => engine().revive(),
  };
  outageContract('docker', harnessOf(engine, outage));
});
