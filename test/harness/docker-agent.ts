/** An agent over a fake API and the real engine, for what only a real engine can show. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { runAgent } from '../../agent/agent.ts';
import type { AgentOptions } from '../../agent/agent-options.ts';
import type { Container, Event, Pod, PodSpec } from '../../api/kinds.gen.ts';
import {
  configMaps,
  events,
  leases,
  nodes,
  pods,
  secrets,
  serviceAccounts,
  volumeSnapshots,
  volumes,
} from '../../api/resources.gen.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { createDockerRuntime, type DockerRuntimeOptions } from '../../runtime/docker/docker.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { FakeApi } from './fake-api.ts';
import { busyboxImage, loadBusyboxImage } from './images.ts';

const docker = new Docker({ socketPath: '/var/run/docker.sock' });
const signal = new AbortController().signal;
const patienceMs = 50_000;

/** Ends at once when asked. */
export const restScript = "trap 'exit 0' TERM; while :; do sleep 60 & wait $!; done";

export class DockerAgent {
  readonly nodeName = `node-${randomUUID().slice(0, 8)}`;
  readonly dataDir: string;
  readonly api: FakeApi;
  readonly runtime: Runtime;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  private constructor(
    dataDir: string,
    agent: Partial<AgentOptions>,
    engine: Partial<DockerRuntimeOptions>,
  ) {
    const { nodeName } = this;
    this.dataDir = dataDir;
    const shared = { clock: systemClock, random: systemRandom, log: silentLog };
    const own = [pods, nodes, leases, configMaps, secrets, serviceAccounts, events];
    const kinds = [...own, volumes, volumeSnapshots];
    this.api = new FakeApi({ ...shared, kinds });
    this.runtime = createDockerRuntime({ ...shared, nodeId: nodeName, ...engine });
    this.#ended = runAgent({
      ...shared,
      nodeName,
      client: this.api,
      runtimes: [this.runtime],
      dataDir,
      signal: this.#stop.signal,
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      ...agent,
    });
  }

  static async start(
    agent: Partial<AgentOptions> = {},
    engine: Partial<DockerRuntimeOptions> = {},
  ): Promise<DockerAgent> {
    await loadBusyboxImage(docker);
    return new DockerAgent(await mkdtemp(join(tmpdir(), 'berth-agent-docker-')), agent, engine);
  }

  async clean(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
    for (const one of await this.containers()) {
      await docker.getContainer(one.Id).remove({ force: true, v: true });
    }
    await rm(this.dataDir, { recursive: true });
  }

  containers(): Promise<Docker.ContainerInfo[]> {
    const filters = { label: [`berth.dev/node=${this.nodeName}`] };
    return docker.listContainers({ all: true, filters });
  }

  async createPod(name: string, spec: Partial<PodSpec>): Promise<Pod> {
    const metadata = { namespace: 'default', name };
    const whole = { nodeName: this.nodeName, terminationGracePeriodSeconds: 1, containers: [] };
    const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...whole, ...spec } };
    return await this.api.create<Pod>(pods, pod, { signal });
  }

  pod(name: string): Pod | undefined {
    return this.api.peek<Pod>(pods, `default/${name}`);
  }

  async untilPod(name: string, is: (pod: Pod) => boolean): Promise<Pod> {
    return await this.until(
      () => {
        const pod = this.pod(name);
        return pod !== undefined && is(pod) ? pod : undefined;
      },
      () => JSON.stringify(this.pod(name)?.status),
    );
  }

  async until<T>(probe: () => T | undefined | Promise<T | undefined>, why = () => ''): Promise<T> {
    const deadline = systemClock.now() + patienceMs;
    for (;;) {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      if (systemClock.now() > deadline) throw new Error(`waited too long: ${why()}`);
      await systemClock.sleep(25);
    }
  }

  /** Runs a pod to its end; what its container `main` printed, by line. */
  async outputOf(name: string, spec: Partial<PodSpec>): Promise<readonly string[]> {
    const { metadata } = await this.createPod(name, { restartPolicy: 'Never', ...spec });
    await this.untilPod(name, ({ status }) => /Succeeded|Failed/.test(status?.phase ?? ''));
    return (await this.log(metadata.uid ?? '', 'main')).trimEnd().split('\n');
  }

  async log(uid: string, container: string): Promise<string> {
    const options = { container, previous: false, follow: false, timestamps: false, signal };
    let text = '';
    for await (const { data } of this.runtime.logs(uid, options)) {
      text += Buffer.from(data).toString('utf8');
    }
    return text;
  }

  /** `Normal Pulled …` of one pod, oldest first. */
  events(name: string): readonly string[] {
    return this.api
      .all<Event>(events)
      .filter((each) => each.involvedObject?.name === name)
      .map((each) => `${each.type} ${each.reason} ${each.message}`);
  }
}

export function shell(script: string, more: Partial<Container> = {}): Container {
  return { name: 'main', image: busyboxImage, command: ['/bin/sh', '-c', script], ...more };
}
