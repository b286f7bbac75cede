import { describe, expect, it } from 'vitest';
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { createLog } from '../../lib/log.ts';
import { type Arrival, type Simulation, simulate } from './simulate.ts';
import { instanceOf } from './template.ts';
import { traceArrivals, traceNodes } from './trace.ts';

const nodesCsv = 'sn,cpu_milli,memory_mib,gpu,model\na,4000,8192,2,T4\nb,4000,8192,0,\n';
const podHead = 'name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,deletion_time';
const trace = (...rows: readonly string[]) => traceArrivals([podHead, ...rows].join('\n'));

function run(arrivals: readonly Arrival[], more: Partial<Simulation> = {}) {
  return simulate({ nodes: traceNodes(nodesCsv), arrivals, log: createLog('silent'), ...more });
}

function pod(name: string, cpu: string, nodeName?: string): Pod {
  const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu } } }];
  const metadata = { name, namespace: 'default', uid: name };
  const on = nodeName === undefined ? {} : { nodeName };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers, ...on } };
}

describe('a simulation', () => {
  it('places what a trace says, devices too, and sums up the rest by reason', () => {
    const outcome = run(
      trace(
        'p1,1000,1024,1,500,,0,9',
        'p2,1000,1024,1,500,T4,0,9',
        'p3,1000,1024,1,1000,T4,0,9',
        'p4,1000,1024,1,250,A100,0,9',
        'p5,9000,1024,0,0,,0,9',
        'p6,9000,1024,0,0,,0,9',
      ),
    );
    expect(outcome).toMatchObject({ instances: 6, placed: 3, bound: 0, unplaced: 3 });
    expect(outcome.reasons).toEqual([
      { reason: 'Insufficient cpu', instances: 2, example: 'default/p5' },
      expect.objectContaining({ reason: 'Insufficient gpu of A100', instances: 1 }),
    ]);
    expect(outcome.placements.map(({ node }) => node)).toEqual(['a', 'a', 'a']);
    expect(outcome.score.dimensions['gpu']).toMatchObject({ capacity: 2, used: 2 });
    expect(outcome.score.dimensions['cpu']).toMatchObject({ capacity: 8000, used: 3000 });
  });

  it('lets instances come and go at their times, and those that wait take the room', () => {
    const rows = [
      'first,4000,1024,0,0,,0,100',
      'second,4000,1024,0,0,,0,200',
      'late,4000,1024,0,0,,50,300',
      'gone,4000,1024,0,0,,60,90',
    ];
    expect(run(trace(...rows))).toMatchObject({ placed: 2, unplaced: 2 });
    const timed = run(trace(...rows), { timed: true });
    // `late` waits until `first` is gone; `gone` gives up before.
    expect(timed).toMatchObject({ placed: 3, unplaced: 1 });
    expect(timed.placements.find(({ instance }) => instance === 'default/late')?.node).toBe('a');
    // Told of the fullest moment: nothing is left at the end.
    expect(timed.score.dimensions['cpu']?.utilisation).toBe(1);
  });

  it('scores a placement as it is, or decides it anew', () => {
    const arrivals = [pod('p', '2', 'b'), pod('q', '1', 'b'), pod('r', '4')].map((each) => ({
      pod: each,
    }));
    const asItIs = run(arrivals);
    expect(asItIs).toMatchObject({ bound: 2, placed: 1, unplaced: 0 });
    const anew = run(arrivals, { anew: true, strategy: 'Spread' });
    expect(anew).toMatchObject({ bound: 0, placed: 2, unplaced: 1 });
    const used = [asItIs, anew].map(({ score }) => score.dimensions['cpu']?.used);
    expect(used).toEqual([7000, 3000]);
  });

  it('lays out Each as a whole', () => {
    const spec = {
      selector: {},
      placement: { strategy: 'Each' as const, perNode: 2, nodes: 2 },
      template: { spec: pod('w', '1').spec },
    };
    const metadata = { name: 'w', namespace: 'default', uid: 'w' };
    const workload: Workload = { apiVersion: 'berth.dev/v1', kind: 'Workload', metadata, spec };
    const arrivals = Array.from({ length: 4 }, () => ({
      pod: instanceOf(workload, 'w'),
      workload,
    }));
    const { placements } = run(arrivals);
    expect(placements.map(({ node }) => node).sort()).toEqual(['a', 'a', 'b', 'b']);
  });

  it('places a gang whole or not at all, as it stands in a file', () => {
    const spec = (replicas: number) => ({
      replicas,
      selector: {},
      placement: { gang: {} },
      template: { spec: pod('g', '1').spec },
    });
    const arrivals = (name: string, replicas: number): Arrival[] => {
      const kind = { apiVersion: 'berth.dev/v1', kind: 'Workload' } as const;
      const workload: Workload = { ...kind, metadata: { name }, spec: spec(replicas) };
      const made = instanceOf(workload, undefined);
      return Array.from({ length: replicas }, (_, i) => ({
        pod: { ...made, metadata: { ...made.metadata, name: `${name}-${i}` } },
        workload,
      }));
    };
    const outcome = run([...arrivals('large', 9), ...arrivals('small', 8)]);
    expect(outcome).toMatchObject({ instances: 17, placed: 8, unplaced: 9 });
    const why = 'gang "large": 8 of 9 members at the same time: Insufficient cpu';
    expect(outcome.reasons).toEqual([{ reason: why, instances: 9, example: 'default/large-0' }]);
    expect(outcome.score.dimensions['cpu']).toMatchObject({ capacity: 8000, used: 8000 });
  });

  it('names the line of a trace that cannot be read', () => {
    expect(() => trace('p,many,1')).toThrow('line 2: cpu_milli is no number: "many"');
    expect(() => traceNodes('name\nx')).toThrow('line 1 has no column sn, cpu_milli, memory_mib');
  });
});
