/** `berth simulate`: nodes and instances from files, placed by the engine, without a server. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { desiredCount } from '../../api/desired-count.ts';
import type { Node, Pod, VM, Workload } from '../../api/kinds.gen.ts';
import { podOfVm } from '../../api/vm-instance.ts';
import { createLog } from '../../lib/log.ts';
import type { Arrival, Outcome } from '../../scheduler/advice/simulate.ts';
import type { Dimensions } from '../../scheduler/dimensions/built-in.ts';
import type { StrategyName } from '../../scheduler/engine/request.ts';
import { newCommand, wholeNumber } from '../command.ts';
import { codeOf, Failure, usage } from '../failure.ts';
import { readManifests } from '../verbs/manifests.ts';
import { checkOutput, printWhole } from '../verbs/output.ts';
import { align } from '../verbs/table.ts';

interface SimulateOptions {
  readonly nodes?: string;
  readonly pods?: string;
  readonly copies: number;
  readonly strategy?: string;
  readonly timed?: boolean;
  readonly anew?: boolean;
  readonly placements?: boolean;
  readonly output?: string;
}

const strategies = ['Spread', 'Global', 'Drained', 'Pack'] as const;
const copiesMax = 100_000;
const instancesMax = 1_000_000;

export function simulateCommand(): Command {
  return newCommand({
    name: 'simulate',
    purpose:
      'Places instances on imaginary nodes with the engine of the scheduler, on this machine alone, and sums up ' +
      'what was placed, what was not and why, and how well the nodes are used. Files are YAML or JSON (Nodes; ' +
      'Pods, VMs, Workloads), or CSV of the openb traces.',
    examples: [
      'kubectl get nodes -o yaml > nodes.yaml; kubectl get pods -A -o yaml > pods.yaml',
      'berth simulate --nodes nodes.yaml --pods pods.yaml          # how good is what is there?',
      'berth simulate --nodes nodes.yaml --pods pods.yaml --anew --strategy Pack   # and were it packed?',
      'berth simulate --nodes node.yaml --copies 5000 --pods web.yaml   # on 5000 such nodes',
      'berth simulate --nodes openb_node_list.csv --pods openb_pod_list.csv --timed -o json',
    ],
    exitCodes: '0 done (also where instances were not placed), 1 failed, 2 wrong usage',
  })
    .option('--nodes <file>', 'the nodes: .csv, .yaml or .json')
    .option('--pods <file>', 'the instances, in the order in which they come')
    .option('--copies <number>', 'so many of each node', wholeNumber('--copies', 1, copiesMax), 1)
    .option(
      '--strategy <name>',
      `${strategies.join(', ')} (default: as workloads say, else Spread)`,
    )
    .option('--timed', 'let instances come and go at the times of the trace')
    .option('--anew', 'decide anew for instances that have a node')
    .option('--placements', 'with -o: also every instance and its node')
    .option('-o, --output <format>', 'json, yaml')
    .action(simulateFiles);
}

async function simulateFiles(options: SimulateOptions): Promise<void> {
  const { nodes: nodesFile, pods: podsFile, output, placements } = options;
  if (nodesFile === undefined) throw usage('name the nodes: --nodes FILE');
  if (podsFile === undefined) throw usage('name the instances: --pods FILE');
  checkOutput(output);
  const strategy = strategyOf(options.strategy);
  const { simulate } = await import('../../scheduler/advice/simulate.ts');
  const { dimensionsOf } = await import('../../scheduler/dimensions/built-in.ts');
  const nodes = copied(await readNodes(nodesFile), options.copies);
  const arrivals = await readArrivals(podsFile, nodes);
  const sinceMs = performance.now();
  const outcome = simulate({
    nodes,
    arrivals,
    log: createLog('warn'),
    ...(strategy === undefined ? {} : { strategy }),
    timed: options.timed === true,
    anew: options.anew === true,
  });
  const seconds = (performance.now() - sinceMs) / 1000;
  const { placements: all, ...summary } = outcome;
  const data = { ...summary, seconds, ...(placements === true ? { placements: all } : {}) };
  if (output !== undefined) await printWhole(data, output);
  else process.stdout.write(outcomeText(outcome, seconds, dimensionsOf()));
}

function strategyOf(name: string | undefined): StrategyName | undefined {
  const strategy = strategies.find((each) => each === name);
  if (name === undefined || strategy !== undefined) return strategy;
  throw usage(`--strategy must be one of ${strategies.join(', ')}, not "${name}"`);
}

async function readNodes(file: string): Promise<readonly Node[]> {
  if (file.endsWith('.csv')) {
    const { traceNodes } = await import('../../scheduler/advice/trace.ts');
    return fromTrace(file, traceNodes);
  }
  const nodes = readManifests([file]).filter(({ object }) => object.kind === 'Node');
  if (nodes.length === 0) throw new Failure(`there is no Node in ${file}`);
  return nodes.map(({ object }) => object as unknown as Node); // By its kind; lenient readers follow.
}

async function readArrivals(file: string, nodes: readonly Node[]): Promise<readonly Arrival[]> {
  if (file.endsWith('.csv')) {
    const { traceArrivals } = await import('../../scheduler/advice/trace.ts');
    return fromTrace(file, traceArrivals);
  }
  const { instanceOf } = await import('../../scheduler/advice/template.ts');
  const arrivals: Arrival[] = [];
  for (const { object, source } of readManifests([file])) {
    // By their kinds; lenient readers follow.
    if (object.kind === 'Pod') arrivals.push({ pod: object as unknown as Pod });
    if (object.kind === 'VM') arrivals.push({ pod: podOfVm(object as unknown as VM) });
    if (object.kind !== 'Workload') continue;
    const workload = object as unknown as Workload;
    const count = desiredCount(workload.spec, { nodes, occupied: new Set() });
    if (arrivals.length + count > instancesMax) {
      throw new Failure(`${source}: more than ${instancesMax} instances are not simulated`);
    }
    const pod = instanceOf(workload, undefined);
    for (let i = 0; i < count; i += 1) {
      const metadata = { ...pod.metadata, name: `${pod.metadata.name}-${i}` };
      arrivals.push({ pod: { ...pod, metadata }, workload });
    }
  }
  const lasting = arrivals.filter(({ pod }) => !ended.has(pod.status?.phase ?? ''));
  if (lasting.length === 0) throw new Failure(`there is no Pod, VM or Workload in ${file}`);
  return lasting;
}

const ended = new Set(['Succeeded', 'Failed']);

function fromTrace<T>(file: string, read: (text: string) => T): T {
  try {
    return read(readFileSync(file, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new Failure(`${file} does not exist`, { cause: error });
    const why = error instanceof Error ? error.message : String(error);
    throw new Failure(`${file}: ${why}`, { cause: error });
  }
}

/** `n1` becomes `n1-1`, `n1-2` and so on. */
function copied(nodes: readonly Node[], copies: number): readonly Node[] {
  if (copies === 1) return nodes;
  return nodes.flatMap((node) =>
    Array.from({ length: copies }, (_, i) => ({
      ...node,
      metadata: { ...node.metadata, name: `${node.metadata.name}-${i + 1}` },
    })),
  );
}

/** Pure. */
function outcomeText(outcome: Outcome, seconds: number, dimensions: Dimensions): string {
  const { instances, placed, bound, unplaced, reasons, score } = outcome;
  const had = bound === 0 ? '' : `, ${bound} had a node`;
  const lines = [
    `${instances} instances: ${placed} placed${had}, ${unplaced} not placed (${seconds.toFixed(1)} s)`,
    `${score.usedNodes} of ${score.nodes} nodes are used, ${score.overcommittedNodes} overcommitted`,
    `score ${score.score}: 100 = all that is free is of use to more of the same instances`,
    '',
    ...align([
      ['DIMENSION', 'CAPACITY', 'USED', 'UTILISATION', 'FRAGMENTATION'],
      ...Object.entries(score.dimensions).map(([name, each]) => [
        name,
        amountText(name, each.capacity, dimensions),
        amountText(name, each.used, dimensions),
        percent(each.utilisation),
        percent(each.fragmentation),
      ]),
    ]),
  ];
  if (reasons.length > 0) {
    const rows = reasons.map((each) => [String(each.instances), each.example, each.reason]);
    lines.push(
      '',
      'Refused when they came:',
      ...align([['INSTANCES', 'EXAMPLE', 'REASON'], ...rows]),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** In the words of the dimension; devices are counted. */
function amountText(name: string, amount: number, dimensions: Dimensions): string {
  const format = dimensions.structured.has(name) ? undefined : dimensions.covering(name)?.format;
  return (format ?? String)(Math.round(amount * 1000) / 1000);
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}
