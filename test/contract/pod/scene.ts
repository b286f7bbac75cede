/** An agent over a fake API and one runtime, which is real or plays, and one pod or machine on it. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runAgent } from '../../../agent/agent.ts';
import type {
  Container,
  ContainerStatus,
  Event,
  Pod,
  PodSpec,
  VM,
} from '../../../api/kinds.gen.ts';
import { events, leases, nodes, pods, vms } from '../../../api/resources.gen.ts';
import { podOfVm } from '../../../api/vm-instance.ts';
import { systemClock } from '../../../lib/clock.ts';
import { silentLog } from '../../../lib/log.ts';
import { systemRandom } from '../../../lib/random.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { until } from '../../e2e/until.ts';
import { FakeApi } from '../../harness/fake-api.ts';

const signal = new AbortController().signal;
const key = { namespace: 'default', name: 'web' };

export interface PodHarness {
  /** Once, before everything else. */
  prepare(): Promise<void>;
  open(nodeId: string): Runtime;
  /** A machine in the place of the pod, where the runtime has no others. */
  vm?(probes: Pick<Container, 'readinessProbe' | 'livenessProbe'>): VM['spec'];
  /** What a pod needs to come to this runtime. */
  readonly spec: Partial<PodSpec>;
  /** A container that runs a script of shell. */
  container(script: string): Container;
  /** A command that does, inside a running container. */
  command(script: string): string[];
  /** How long it may take until it is up. */
  readonly bootMs: number;
}

export class PodScene {
  readonly harness: PodHarness;
  readonly nodeName = `node-${randomUUID().slice(0, 8)}`;
  readonly api = new FakeApi({
    ...{ clock: systemClock, random: systemRandom },
    kinds: [pods, vms, nodes, leases, events],
  });
  /** Of this machine, and seen at the same path in every container. */
  readonly trace: string;
  readonly #dataDir: string;
  #stop = new AbortController();
  #ended = Promise.resolve();

  private constructor(harness: PodHarness, dataDir: string, trace: string) {
    this.harness = harness;
    this.#dataDir = dataDir;
    this.trace = trace;
  }

  static async start(harness: PodHarness): Promise<PodScene> {
    const folder = () => mkdtemp(join(tmpdir(), 'berth-pod-'));
    const scene = new PodScene(harness, await folder(), await folder());
    scene.startAgent();
    return scene;
  }

  startAgent(): void {
    const { nodeName, api } = this;
    this.#stop = new AbortController();
    this.#ended = runAgent({
      ...{ nodeName, client: api, dataDir: this.#dataDir, signal: this.#stop.signal },
      ...{ clock: systemClock, random: systemRandom, log: silentLog },
      runtimes: [this.harness.open(nodeName)],
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    });
  }

  async stopAgent(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async end(): Promise<void> {
    await this.stopAgent();
    const runtime = this.harness.open(this.nodeName);
    for (const { id } of await runtime.list({ signal })) {
      await runtime.remove(id, { signal, graceMs: 0 });
    }
    await runtime.close();
    for (const each of [this.#dataDir, this.trace]) await rm(each, { recursive: true });
  }

  /** Its one container runs `script`; where the runtime has machines only, `main` is told of one. */
  async create(script: string, main: Partial<Container>, spec: Partial<PodSpec> = {}) {
    const { vm, container, spec: whole } = this.harness;
    const { nodeName } = this;
    if (vm !== undefined) {
      const machine: VM = {
        ...{ apiVersion: 'berth.dev/v1', kind: 'VM', metadata: { ...key } },
        spec: { ...vm(main), nodeName },
      };
      await this.api.create<VM>(vms, machine, { signal });
      return;
    }
    const volumeMounts = [{ name: 'trace', mountPath: this.trace }];
    const volumes = [{ name: 'trace', hostPath: { path: this.trace } }];
    const containers = [{ ...container(script), volumeMounts, ...main }];
    const pod: Pod = {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { ...key } },
      spec: { nodeName, containers, volumes, terminationGracePeriodSeconds: 5, ...whole, ...spec },
    };
    await this.api.create<Pod>(pods, pod, { signal });
  }

  async delete(gracePeriodSeconds: number): Promise<void> {
    const kind = this.harness.vm === undefined ? pods : vms;
    await this.api.delete(kind, key, { signal, gracePeriodSeconds });
    await until('it is gone', () => this.pod() === undefined);
  }

  pod(): Pod | undefined {
    if (this.harness.vm === undefined) return this.api.peek<Pod>(pods, 'default/web');
    const vm = this.api.peek<VM>(vms, 'default/web');
    return vm === undefined ? undefined : podOfVm(vm);
  }

  main(): ContainerStatus | undefined {
    return this.pod()?.status?.containerStatuses?.[0];
  }

  async untilMain(what: string, is: (main: ContainerStatus) => boolean): Promise<ContainerStatus> {
    const probe = () => {
      const main = this.main();
      return main !== undefined && is(main) ? main : undefined;
    };
    return await until(what, probe, this.harness.bootMs).catch((error) => {
      const seen = JSON.stringify({ status: this.pod()?.status, told: this.told() });
      throw new Error(`${error}: ${seen}`, { cause: error });
    });
  }

  /** Whether its condition `Ready` says so. */
  isReady(): boolean {
    const ready = this.pod()?.status?.conditions?.find(({ type }) => type === 'Ready');
    return ready?.status === 'True';
  }

  /** Runs a script inside; what it prints. */
  async inside(script: string): Promise<string> {
    const runtime = this.harness.open(this.nodeName);
    const session = await runtime.exec(this.pod()?.metadata.uid ?? '', {
      ...{ container: this.main()?.name ?? '', command: this.harness.command(script) },
      ...{ tty: false, stdin: false, signal },
    });
    session.stderr.resume();
    let all = '';
    for await (const chunk of session.stdout) all += chunk;
    await session.exit;
    await runtime.close();
    return all;
  }

  /** What its hooks and its program have written, in this order. */
  async traced(): Promise<readonly string[]> {
    const text = await readFile(join(this.trace, 'trace'), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  async log(previous: boolean): Promise<string> {
    const runtime = this.harness.open(this.nodeName);
    const container = this.main()?.name ?? '';
    const options = { container, previous, follow: false, timestamps: false, signal };
    let text = '';
    const id = this.pod()?.metadata.uid ?? '';
    for await (const { data } of runtime.logs(id, options)) text += Buffer.from(data);
    await runtime.close();
    return text;
  }

  /** Messages of events, of one reason or of all. */
  told(reason?: string): readonly string[] {
    return this.api
      .all<Event>(events)
      .filter((each) => reason === undefined || each.reason === reason)
      .map((each) => each.message ?? '');
  }
}
