/** What people and bad luck do to a cluster, each chosen and carried out by dice. */
import type { Node, Pod, Workload } from '../../api/kinds.gen.ts';
import type { JsonObject, ObjectKey } from '../../api/meta.ts';
import { nodes, pods, workloads } from '../../api/resources.gen.ts';
import { StatusError } from '../../api/status.ts';
import { modelImage, never, type World, type WorldNode } from './model-world.ts';
import type { Dice } from './runs.ts';

const namespace = 'default';
const names = ['w0', 'w1', 'w2', 'w3', 'w4'];
const replicasMax = 4;

/** What it did, in words, for the log of a failure. */
export type Operation = (world: World, dice: Dice) => Promise<string>;

export const operations: readonly (readonly [weight: number, operation: Operation])[] = [
  [14, create],
  [12, scale],
  [14, roll],
  [5, stop],
  [6, start],
  [6, remove],
  [4, drain],
  [3, cordon],
  [4, uncordon],
  [4, loseNode],
  [2, losePower],
  [6, returnNodes],
  [4, restartAgent],
  [3, restartControllers],
  [3, restartScheduler],
  [6, crashContainer],
  [8, failCalls],
  [4, slowEngine],
  [3, lie],
  [3, deletePod],
  [10, letTimePass],
];

/** Something to begin with: one workload of each name. */
export async function populate(world: World, dice: Dice): Promise<readonly string[]> {
  const done: string[] = [];
  for (const name of names) done.push(await createNamed(world, dice, name));
  return done;
}

/** Ends every fault, so that what is wanted can be reached. */
export async function heal(world: World): Promise<void> {
  for (const node of world.nodes) {
    node.engine.slow(0);
    world.startAgent(node);
    node.runtime?.heal();
    await patchNode(world, node, { spec: { unschedulable: null } });
  }
}

async function create(world: World, dice: Dice): Promise<string> {
  return createNamed(world, dice, dice.pick(names));
}

async function createNamed(world: World, dice: Dice, name: string): Promise<string> {
  const stable = dice.chance(0.4);
  const labels = { app: name };
  const surge = stable ? 0 : dice.below(3);
  const spec = {
    replicas: dice.below(replicasMax + 1),
    identity: stable ? 'Stable' : 'Ephemeral',
    placement: { strategy: dice.pick(['Spread', 'Pack']) },
    update: {
      ...(stable ? {} : { maxSurge: surge }),
      maxUnavailable: surge === 0 ? 1 + dice.below(2) : dice.below(2),
    },
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        terminationGracePeriodSeconds: 1 + dice.below(5),
        containers: [{ name: 'main', image: modelImage, resources: { requests: { cpu: '1m' } } }],
      },
    },
  };
  const workload = {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { name, namespace },
    spec,
  };
  // The schema's unions are checked by the server, which is the real one.
  const object = workload as unknown as Workload;
  await mayFail(world.client.create<Workload>(workloads, object, never));
  return `create ${name} ${spec.identity} ${spec.replicas} ${JSON.stringify(spec.update)}`;
}

async function scale(world: World, dice: Dice): Promise<string> {
  const replicas = dice.below(replicasMax + 1);
  return `scale to ${replicas} ${await change(world, dice, { replicas })}`;
}

async function roll(world: World, dice: Dice): Promise<string> {
  const annotations = { roll: String(dice.below(1_000_000)) };
  return `roll ${await change(world, dice, { template: { metadata: { annotations } } })}`;
}

async function stop(world: World, dice: Dice): Promise<string> {
  return `stop ${await change(world, dice, { running: false })}`;
}

async function start(world: World, dice: Dice): Promise<string> {
  return `start ${await change(world, dice, { running: true })}`;
}

async function remove(world: World, dice: Dice): Promise<string> {
  const name = dice.pick(names);
  const propagationPolicy = dice.pick(['Background', 'Foreground'] as const);
  await mayFail(
    world.client.delete(workloads, { namespace, name }, { ...never, propagationPolicy }),
  );
  return `delete ${name} ${propagationPolicy}`;
}

async function drain(world: World, dice: Dice): Promise<string> {
  const node = dice.pick(world.nodes);
  await patchNode(world, node, { spec: { unschedulable: true } });
  for (const { metadata, spec } of await world.pods()) {
    if (spec.nodeName !== node.name) continue;
    const { name = '', namespace: where = '' } = metadata;
    const eviction = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace: where },
    };
    await mayFail(
      world.client.post(`/api/v1/namespaces/${where}/pods/${name}/eviction`, eviction, never),
    );
  }
  return `drain ${node.name}`;
}

async function cordon(world: World, dice: Dice): Promise<string> {
  const node = dice.pick(world.nodes);
  await patchNode(world, node, { spec: { unschedulable: true } });
  return `cordon ${node.name}`;
}

async function uncordon(world: World, dice: Dice): Promise<string> {
  const node = dice.pick(world.nodes);
  await patchNode(world, node, { spec: { unschedulable: null } });
  return `uncordon ${node.name}`;
}

async function loseNode(world: World, dice: Dice): Promise<string> {
  const node = dice.pick(world.nodes);
  world.killAgent(node);
  return `lose ${node.name}`;
}

async function losePower(world: World, dice: Dice): Promise<string> {
  const node = dice.pick(world.nodes);
  await world.losePower(node);
  return `power off ${node.name}`;
}

async function returnNodes(world: World): Promise<string> {
  for (const node of world.nodes) world.startAgent(node);
  return 'all nodes return';
}

async function restartAgent(world: World, dice: Dice): Promise<string> {
  const node = dice.pick(world.nodes);
  world.killAgent(node);
  world.startAgent(node);
  return `restart agent of ${node.name}`;
}

async function restartControllers(world: World): Promise<string> {
  world.restartControllers();
  return 'restart controllers';
}

async function restartScheduler(world: World): Promise<string> {
  world.restartScheduler();
  return 'restart scheduler';
}

async function crashContainer(world: World, dice: Dice): Promise<string> {
  const node = dice.pick(world.nodes);
  const instances = [...node.engine.instances.values()];
  if (instances.length === 0) return 'crash nothing';
  const { id, name } = dice.pick(instances);
  await node.engine.exit(id, 'main', 1);
  return `crash ${name} on ${node.name}`;
}

async function failCalls(world: World, dice: Dice): Promise<string> {
  const node = dice.pick(world.nodes);
  const call = dice.pick(['ensure', 'stop', 'remove', 'get', 'list'] as const);
  const when = dice.pick(['before', 'after'] as const);
  const count = 1 + dice.below(4);
  node.runtime?.fail(call, when, count);
  return `fail ${count} ${call} ${when} on ${node.name}`;
}

async function slowEngine(world: World, dice: Dice): Promise<string> {
  const node = dice.pick(world.nodes);
  const ms = dice.pick([0, 100, 3_000]);
  node.engine.slow(ms);
  return `slow ${node.name} by ${ms}`;
}

/** For once an engine says that it knows nothing of what it runs. */
async function lie(world: World, dice: Dice): Promise<string> {
  const node = dice.pick(world.nodes);
  const instances = [...node.engine.instances.values()];
  if (instances.length === 0) return 'lie about nothing';
  const { id, name } = dice.pick(instances);
  node.engine.lieOnce(id, undefined);
  return `lie about ${name} on ${node.name}`;
}

async function deletePod(world: World, dice: Dice): Promise<string> {
  const all = await world.pods();
  if (all.length === 0) return 'delete no pod';
  const { metadata } = dice.pick(all) as Pod;
  await mayFail(world.client.delete(pods, keyOf(metadata), never));
  return `delete pod ${metadata.name}`;
}

async function letTimePass(world: World, dice: Dice): Promise<string> {
  const ms = dice.pick([10, 1_000, 10_000, 60_000]);
  await world.clock.advance(ms);
  return `${ms} ms pass`;
}

/** Changes the spec of some workload. */
async function change(world: World, dice: Dice, spec: JsonObject): Promise<string> {
  const name = dice.pick(names);
  await mayFail(world.client.patch(workloads, { namespace, name }, { spec }, never));
  return name;
}

async function patchNode(world: World, { name }: WorldNode, patch: JsonObject): Promise<void> {
  await mayFail(world.client.patch<Node>(nodes, { name }, patch, never));
}

function keyOf({ name = '', namespace: where = '' }: Pod['metadata']): ObjectKey {
  return { name, namespace: where };
}

/** The thing may be gone, or be there already: people try all the same. */
async function mayFail(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof StatusError) || error.code >= 500) throw error;
  }
}
