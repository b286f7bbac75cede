/** Containers that somebody else started: taken under management, and given away, while they run. */
import type Docker from 'dockerode';
import type { CallOptions } from '../../lib/call.ts';
import type { Adopter, Adoptions } from '../adoptions.ts';
import { type Adoptable, type Adopting, type InstanceId, RuntimeError } from '../runtime.ts';
import { describeContainer } from './describe.ts';
import type { Engine } from './engine.ts';
import { toRuntimeError } from './errors.ts';
import { label } from './labels.ts';

export class DockerAdopting implements Adopting {
  readonly #engine: Engine;
  readonly #adoptions: Adoptions;

  constructor(engine: Engine, adoptions: Adoptions) {
    this.#engine = engine;
    this.#adoptions = adoptions;
  }

  async describe(name: string, options: CallOptions): Promise<Adoptable> {
    const info = await this.#present(name, options);
    const { Labels, Image: imageName } = info.Config;
    const owner = this.#adoptions.find('docker', info.Id) ?? ownerOf(this.#adoptions, info, Labels);
    if (owner !== undefined) {
      const pod = `${owner.namespace}/${owner.name}`;
      throw new RuntimeError('InvalidSpec', `container "${name}" belongs to pod ${pod} already`);
    }
    if (!info.State.Running) {
      throw new RuntimeError('InvalidSpec', `container "${name}" is not running: start it first`);
    }
    if (info.State.Paused) {
      throw new RuntimeError('InvalidSpec', `container "${name}" is paused: unpause it first`);
    }
    const image = await this.#engine.docker
      .getImage(info.Image)
      .inspect()
      .catch(() => undefined);
    if (imageName === '') throw new RuntimeError('InvalidSpec', `container "${name}" has no image`);
    return describeContainer(info, image?.Config ?? undefined);
  }

  async adopt(target: string, adopter: Adopter, options: CallOptions): Promise<void> {
    const info = await this.#present(target, options);
    const { Name = 'no', MaximumRetryCount: retries = 0 } = info.HostConfig.RestartPolicy ?? {};
    const known = this.#adoptions.find('docker', info.Id);
    const undo = known?.undo ?? { restart: Name, retries: String(retries) };
    this.#adoptions.adopt({ ...adopter, runtime: 'docker', target: info.Id, undo });
    await this.#restart(info.Id, { Name: 'no' }, options);
  }

  async release(id: InstanceId, restarts: boolean, options: CallOptions): Promise<void> {
    for (const { info } of await this.#engine.find(id, options)) {
      const adopted = this.#adoptions.find('docker', info.Id);
      const { restart, retries } = adopted?.undo ?? { restart: restarts ? 'unless-stopped' : 'no' };
      const count = Number(retries ?? 0);
      const policy = { Name: restart ?? 'no', ...(count > 0 ? { MaximumRetryCount: count } : {}) };
      await this.#restart(info.Id, policy, options);
      const thing = { runtime: 'docker', target: info.Id } as const;
      if (adopted === undefined) this.#adoptions.release(thing);
      else this.#adoptions.forget(thing);
    }
  }

  async #present(name: string, options: CallOptions): Promise<Docker.ContainerInspectInfo> {
    const info = await this.#engine.inspect(name, options);
    if (info !== undefined) return info;
    throw new RuntimeError('NotFound', `no container "${name}" on this node: see "docker ps"`);
  }

  async #restart(id: string, RestartPolicy: Docker.HostRestartPolicy, { signal }: CallOptions) {
    const update = this.#engine.docker
      .getContainer(id)
      .update({ RestartPolicy, abortSignal: signal });
    await update.catch((error: unknown) => {
      throw toRuntimeError(error);
    });
  }
}

/** By its labels, those of another Berth on this engine too. */
function ownerOf(
  adoptions: Adoptions,
  { Id }: Docker.ContainerInspectInfo,
  labels: Readonly<Record<string, string>>,
) {
  if (labels[label.instance] === undefined || adoptions.isReleased('docker', Id)) return undefined;
  return { namespace: labels[label.namespace] ?? '', name: labels[label.name] ?? '' };
}
