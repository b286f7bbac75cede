/** Services that somebody else wrote: taken under management, and given away, while they run. */
import type { Container, PodSpec } from '../../api/kinds.gen.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Adopter, Adoptions } from '../adoptions.ts';
import { containerNameOf, envOf } from '../describe.ts';
import { run } from '../run.ts';
import { type Adoptable, type Adopting, type InstanceId, RuntimeError } from '../runtime.ts';
import { SystemdError, type UnitProperties } from './bus.ts';
import { withDropIn, withoutDropIn } from './drop-in.ts';
import { decodeLabels } from './labels.ts';
import type { Units } from './units.ts';

export class SystemdAdopting implements Adopting {
  readonly #units: Units;
  readonly #adoptions: Adoptions;

  constructor(units: Units, adoptions: Adoptions) {
    this.#units = units;
    this.#adoptions = adoptions;
  }

  async describe(name: string, options: CallOptions): Promise<Adoptable> {
    const properties = await this.#loaded(name, options);
    const target = properties.text('Id');
    const adoption = this.#adoptions.find('systemd', target);
    const labels = decodeLabels(properties.blobs('LogExtraFields'));
    const isReleased = this.#adoptions.isReleased('systemd', target);
    const owner = adoption ?? (isReleased ? undefined : labels);
    const refuse = (why: string) => new RuntimeError('InvalidSpec', `unit "${target}" ${why}`);
    if (owner !== undefined) {
      throw refuse(`belongs to pod ${owner.namespace}/${owner.name} already`);
    }
    if (!target.endsWith('.service')) throw refuse('is no service: only those can be adopted');
    if (properties.number('MainPID') === 0) throw refuse('is not running: start it first');
    return { target, ...(await specOf(properties, options)) };
  }

  async adopt(target: string, adopter: Adopter, options: CallOptions): Promise<void> {
    const properties = await this.#loaded(target, options);
    const known = this.#adoptions.find('systemd', target)?.undo;
    const undo = known ?? { unitFileState: properties.text('UnitFileState') };
    this.#adoptions.adopt({ ...adopter, runtime: 'systemd', target, undo });
    const bus = await this.#units.bus();
    await withDropIn(bus, target, options);
    // At the next boot it is Berth that starts it.
    if (undo['unitFileState'] === 'enabled') {
      await bus.call('DisableUnitFiles', 'asb', [[target], false], options);
    }
  }

  async release(id: InstanceId, _restarts: boolean, options: CallOptions): Promise<void> {
    for (const unit of await this.#units.find(id, options)) {
      const { name } = unit;
      // Nobody else would let it go on.
      await this.#units.setPaused(unit, false, options);
      const adopted = this.#adoptions.find('systemd', name);
      const thing = { runtime: 'systemd', target: name } as const;
      // A unit that Berth made lives until it ends, as any transient one.
      if (adopted === undefined) {
        this.#adoptions.release(thing);
        continue;
      }
      const bus = await this.#units.bus();
      if (adopted.undo['unitFileState'] === 'enabled') {
        await bus.call('EnableUnitFiles', 'asbb', [[name], false, true], options);
      }
      await withoutDropIn(bus, name, options);
      this.#adoptions.forget(thing);
    }
  }

  /** `nginx` is `nginx.service`, as for systemctl. */
  async #loaded(name: string, options: CallOptions): Promise<UnitProperties> {
    const unit = /\.[a-z]+$/.test(name) ? name : `${name}.service`;
    const missing = () =>
      new RuntimeError('NotFound', `no unit "${unit}" on this node: see "systemctl list-units"`);
    const bus = await this.#units.bus();
    try {
      const [path] = await bus.call('GetUnit', 's', [unit], options);
      // The signature of the answer is `o`.
      return await bus.propertiesOf(path as string, options);
    } catch (error) {
      if (error instanceof SystemdError) throw missing();
      throw error;
    }
  }
}

const unlimited = 2n ** 64n - 1n;

async function specOf(
  properties: UnitProperties,
  options: CallOptions,
): Promise<Omit<Adoptable, 'target'>> {
  const name = properties.text('Id').replace(/\.service$/, '');
  const [command = []] = properties.commands('ExecStart');
  const workingDir = properties.text('WorkingDirectory').replace(/^!/, '');
  const container: Container = {
    name: containerNameOf(name),
    command: [...command],
    ...envOf(properties.texts('Environment')),
    ...(workingDir === '' ? {} : { workingDir }),
    ...limitsOf(properties),
    ...(await userOf(properties, options)),
  };
  const restart = properties.text('Restart');
  const spec: PodSpec = {
    runtimeClassName: 'systemd',
    hostNetwork: true,
    restartPolicy: restart === 'no' ? 'Never' : restart === 'always' ? 'Always' : 'OnFailure',
    containers: [container],
  };
  return { spec, lacking: lackingOf(properties) };
}

function limitsOf(properties: UnitProperties): Pick<Container, 'resources'> {
  const micros = properties.bigint('CPUQuotaPerSecUSec');
  const memory = properties.bigint('MemoryMax');
  const limits = {
    ...(micros > 0n && micros < unlimited
      ? { cpu: `${Math.max(1, Math.round(Number(micros) / 1_000))}m` }
      : {}),
    ...(memory > 0n && memory < unlimited ? { memory: String(memory) } : {}),
  };
  return Object.keys(limits).length === 0 ? {} : { resources: { limits } };
}

async function userOf(
  properties: UnitProperties,
  options: CallOptions,
): Promise<Pick<Container, 'securityContext'>> {
  const user = properties.text('User');
  if (user === '') return {};
  const printed = await run('id', ['-u', user], options);
  return { securityContext: { runAsUser: Number(printed.trim()) } };
}

/** Commands that units may have and containers have not. */
const furtherCommands = ['ExecStartPre', 'ExecStartPost', 'ExecStop', 'ExecStopPost', 'ExecReload'];

function lackingOf(properties: UnitProperties): readonly string[] {
  const named = [...furtherCommands, 'EnvironmentFiles'].filter((each) => properties.has(each));
  const rest = 'program, environment, directory, user and limits are taken over, no other settings';
  return [named.length === 0 ? rest : `${named.join(', ')}: ${rest}`];
}
