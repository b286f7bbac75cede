import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, test } from 'vitest';
import type { Container, Pod } from '../../api/kinds.gen.ts';
import type { GpuDevice } from '../../runtime/runtime.ts';
import { checkAllocation, oversellOf } from './check-allocation.ts';
import { gpusOf } from './container-gpus.ts';
import { keepGpuNumbers, type NumberedGpus } from './gpu-numbers.ts';
import { type Gpu, gpuAnnotations, readGpus } from './gpus.ts';

const made: string[] = [];
afterEach(async () => {
  for (const each of made.splice(0)) await rm(each, { recursive: true, force: true });
});

/** What the kernel of a machine with such devices shows. */
async function machine(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'berth-devices-'));
  made.push(root);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

/** As driver 550 writes it. */
const nvidia = (model: string, uuid: string, minor: number, more = '') =>
  `Model: \t\t ${model}\nIRQ:   \t\t 24\nGPU UUID: \t ${uuid}\nVideo BIOS: \t 90.04\n` +
  `Bus Type: \t PCIe\nDevice Minor: \t ${minor}\n${more}`;
const nvidiaAt = (address: string) => `proc/driver/nvidia/gpus/${address}/information`;

describe('GPUs of a machine', () => {
  it('are those that drivers tell of, in order of where they are plugged in', async () => {
    const root = await machine({
      [nvidiaAt('0000:65:00.0')]: nvidia('NVIDIA A100-SXM4-40GB', 'GPU-b', 0),
      [nvidiaAt('0000:17:00.0')]: nvidia('Tesla T4', 'GPU-a', 1),
      [nvidiaAt('0000:99:00.0')]: nvidia('Tesla T4', 'GPU-c', 2, 'GPU Excluded:\t Yes\n'),
      'dev/nvidiactl': '',
      'dev/nvidia-uvm': '',
      'sys/bus/pci/devices/0000:17:00.0/numa_node': '-1\n',
      'sys/bus/pci/devices/0000:65:00.0/numa_node': '1\n',
    });
    const gpus = await readGpus(root);
    expect(gpus).toEqual([
      {
        vendor: 'nvidia',
        id: 'GPU-a',
        uuid: 'GPU-a',
        model: 'T4',
        address: '0000:17:00.0',
        paths: ['/dev/nvidia1', '/dev/nvidiactl', '/dev/nvidia-uvm'],
      },
      {
        vendor: 'nvidia',
        id: 'GPU-b',
        uuid: 'GPU-b',
        numaNode: 1,
        model: 'A100-SXM4-40GB',
        address: '0000:65:00.0',
        paths: ['/dev/nvidia0', '/dev/nvidiactl', '/dev/nvidia-uvm'],
      },
    ]);
    expect(gpuAnnotations(gpus)).toEqual({ 'berth.dev/gpus': 'T4,A100-SXM4-40GB' });
  });

  it('are also those of AMD that compute, and no screen of a server board', async () => {
    const pci = (address: string, vendor: string, more: Record<string, string> = {}) =>
      Object.fromEntries(
        Object.entries({ vendor: `${vendor}\n`, class: '0x038000\n', ...more }).map(
          ([name, text]) => [`sys/bus/pci/devices/${address}/${name}`, text],
        ),
      );
    const root = await machine({
      ...pci('0000:03:00.0', '0x1002', {
        product_name: 'AMD Instinct MI210, OAM\n',
        unique_id: '2a1b\n',
        mem_info_vram_total: '68702699520\n',
        numa_node: '0\n',
        'drm/renderD128/dev': '226:128',
        'drm/card1/dev': '226:1',
      }),
      ...pci('0000:01:00.0', '0x1a03', { 'drm/card0/dev': '226:0' }),
      ...pci('0000:04:00.0', '0x1002', { class: '0x040300\n' }),
      'dev/kfd': '',
    });
    expect(await readGpus(root)).toEqual([
      {
        vendor: 'amd',
        id: '2a1b',
        uuid: '2a1b',
        memoryBytes: 68702699520n,
        numaNode: 0,
        model: 'Instinct MI210  OAM',
        address: '0000:03:00.0',
        paths: ['/dev/dri/card1', '/dev/dri/renderD128', '/dev/kfd'],
      },
    ]);
  });

  it('are none where no driver is loaded', async () => {
    const gpus = await readGpus(await machine({}));
    expect(gpus).toEqual([]);
    expect(gpuAnnotations(gpus)).toEqual({});
  });
});

describe('numbers of GPUs', () => {
  const gpu = (id: string, address: string): Gpu => ({
    ...{ vendor: 'nvidia', id, model: id.toUpperCase(), address, paths: [] },
  });
  const [a, b, c] = [gpu('a', '01'), gpu('b', '02'), gpu('c', '03')];
  const ids = (gpus: NumberedGpus) => gpus.map((each) => each?.id);

  it('stay when one is taken out or put in before the others, wherever these are then', async () => {
    const path = join(await machine({}), 'gpus.json');
    const restart = async (...found: Gpu[]) => await keepGpuNumbers(found, path);
    expect(ids(await restart(a, b, c))).toEqual(['a', 'b', 'c']);
    const without = await restart(a, c);
    expect(ids(without)).toEqual(['a', undefined, 'c']);
    expect(gpuAnnotations(without)).toEqual({ 'berth.dev/gpus': 'A,,C' });
    expect(ids(await restart(gpu('new', '00'), a, c))).toEqual(['a', undefined, 'c', 'new']);
    const moved = [gpu('c', '05'), gpu('b', '06'), gpu('a', '07')];
    expect(ids(await restart(...moved))).toEqual(['a', 'b', 'c']);
    expect(await restart()).toEqual([]);
    expect(ids(await restart(b))).toEqual([undefined, 'b']);
  });

  it('pass to the card that is put in the place of one that has gone', async () => {
    const path = join(await machine({}), 'gpus.json');
    await keepGpuNumbers([a, b, c], path);
    const swapped = await keepGpuNumbers([a, gpu('spare', '02'), c], path);
    expect(ids(swapped)).toEqual(['a', 'spare', 'c']);
    // Back in another slot, it is one more: its number has somebody.
    const both = [a, gpu('spare', '02'), c, gpu('b', '09')];
    expect(ids(await keepGpuNumbers(both, path))).toEqual(['a', 'spare', 'c', 'b']);
  });

  it('are not given anew in silence when their file is damaged', async () => {
    const root = await machine({ 'gpus.json': '[{"id": "a"', 'other.json': '["a"]' });
    await expect(keepGpuNumbers([a], join(root, 'gpus.json'))).rejects.toThrow('is damaged');
    await expect(keepGpuNumbers([a], join(root, 'other.json'))).rejects.toThrow('is damaged');
  });
});

function pod(uid: string, allocation: object, more: object = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: uid,
      uid,
      creationTimestamp: '2026-01-01T00:00:00Z',
      annotations: { 'berth.dev/allocation': JSON.stringify(allocation) },
    },
    spec: { containers: [] },
    ...more,
  };
}

const cores = (given: Record<number, number>) => ({ cpuBound: { cores: given } });
const gpu = (milli: number, ...devices: number[]) => ({ gpu: { devices, milli } });
const asked = (allocation: object, others: readonly Pod[], oversell: number | undefined = 1) => {
  const given = pod('m', allocation);
  return () => checkAllocation(given, [given, ...others], { gpus: [{}, {}], oversell });
};

describe('an allocation', () => {
  it.each<[string, object, Pod[], (number | undefined)?]>([
    ['nothing', {}, [pod('a', cores({ 0: 100 }))]],
    ['a share beside others', cores({ 0: 30 }), [pod('a', cores({ 0: 70 }))]],
    [
      'a core of one that ended',
      cores({ 0: 100 }),
      [pod('a', cores({ 0: 100 }), { status: { phase: 'Failed' } })],
    ],
    ['a core that a later one has, too', cores({ 0: 100 }), [pod('z', cores({ 0: 100 }))]],
    ['a core that is sold twice', cores({ 0: 100 }), [pod('a', cores({ 0: 100 }))], 2],
    ['half a GPU beside the other half', gpu(500, 1), [pod('a', gpu(500, 1))]],
    ['both GPUs', gpu(1000, 0, 1), []],
  ])('of %s is in order', (_, allocation, others, oversell) => {
    expect(asked(allocation, others, oversell)).not.toThrow();
  });

  it.each<[string, object, Pod[], string]>([
    [
      'more of a core than there is',
      cores({ 0: 100, 1: 30 }),
      [pod('a', cores({ 1: 50 })), pod('b', cores({ 1: 21 }))],
      '101 % of core 1 are given away, 71 % of it to pods before this one',
    ],
    [
      'a core of one that the node has taken over already, though it was made later',
      cores({ 0: 100 }),
      [pod('z', cores({ 0: 1 }), { status: { startTime: '2026-01-02T00:00:00Z' } })],
      '101 % of core 0 are given away',
    ],
    ['a GPU that is not there', gpu(1000, 1, 2), [], 'given GPU 2, but this node has only 0, 1'],
    [
      'more of a GPU than there is',
      gpu(600, 0),
      [pod('a', gpu(500, 0))],
      '110 % of GPU 0 are given away, 50 % of it to pods before this one',
    ],
  ])('of %s is refused', (_, allocation, others, message) => {
    expect(asked(allocation, others)).toThrow(message);
  });

  it('is kept by who has begun, whatever the names of two that came in one second', () => {
    const startTime = '2026-01-01T00:00:00Z';
    const containerStatuses = [{ name: 'main', containerID: 'docker://1' }];
    const [first, second] = ['z', 'a'].map((uid) =>
      pod(uid, gpu(1000, 0), { status: { startTime } }),
    );
    const began = pod('z', gpu(1000, 0), { status: { startTime, containerStatuses } });
    const check = (given: Pod, pods: readonly Pod[], passed?: Set<string>) =>
      checkAllocation(given, pods, { gpus: [{}], oversell: 1, ...(passed ? { passed } : {}) });
    expect(() => check(second!, [began, second!])).toThrow('200 % of GPU 0');
    const passed = new Set<string>();
    check(first!, [first!], passed);
    expect(() => check(second!, [first!, second!], passed)).toThrow('200 % of GPU 0');
    check(first!, [first!, second!], passed);
    check(second!, [second!], passed);
    expect([...passed]).toEqual(['a']);
  });

  it('is not judged by how often cores are sold before that is known', () => {
    const given = pod('m', cores({ 0: 100 }));
    const others = [pod('a', cores({ 0: 100 }))];
    expect(() => checkAllocation(given, others, { gpus: [], oversell: undefined })).not.toThrow();
  });
});

test.each([
  [undefined, 1],
  ['1.5', 1.5],
  ['0.5', 1],
  ['much', 1],
])('cores of a node with %s are sold %d times', (text, times) => {
  const annotations = text === undefined ? {} : { 'berth.dev/cpu-oversell': text };
  const node = { apiVersion: 'v1' as const, kind: 'Node' as const, metadata: { annotations } };
  expect(oversellOf({ ...node, spec: {} })).toBe(times);
});

describe('containers of one pod', () => {
  const node = ['a', 'b', 'c', 'd'].map(
    (id): GpuDevice => ({ vendor: 'nvidia', id, paths: [`/dev/${id}`] }),
  );
  const container = (name: string, quantity?: string, more: object = {}): Container => ({
    name,
    ...(quantity === undefined ? {} : { resources: { limits: { 'berth.dev/gpu': quantity } } }),
    ...more,
  });
  /** Ids by container. */
  const given = (
    devices: number[],
    containers: Container[],
    initContainers: Container[] = [],
  ): Record<string, string> => {
    const milli = 1000;
    const spec = { containers, initContainers };
    const whole = { ...pod('p', { gpu: { devices, milli } }), spec };
    return Object.fromEntries(
      [...initContainers, ...containers].map((each) => [
        each.name,
        (gpusOf(whole, each, node) ?? []).map(({ id }) => id).join(''),
      ]),
    );
  };

  it('each get what they ask for, and nobody what they do not', () => {
    expect(given([1, 3], [container('x', '1'), container('y'), container('z', '1')])).toEqual({
      x: 'b',
      y: '',
      z: 'd',
    });
    expect(given([0, 1, 2], [container('x', '2'), container('z', '1')])).toEqual({
      x: 'ab',
      z: 'c',
    });
  });

  it('share one, and no share is cut in two', () => {
    expect(given([2], [container('x', '0.25'), container('y', '0.5')])).toEqual({ x: 'c', y: 'c' });
    expect(given([0, 1], [container('x', '500m'), container('y', '1')])).toEqual({
      x: 'b',
      y: 'a',
    });
    const three = ['x', 'y', 'z'].map((name) => container(name, '0.6'));
    expect(given([0, 1], three)).toEqual({ x: 'a', y: 'b', z: 'b' });
  });

  it('that come before start from the first again; those that stay beside do not', () => {
    const stays = container('stays', '1', { restartPolicy: 'Always' });
    expect(given([0, 1], [container('main', '1')], [container('init', '2'), stays])).toEqual({
      init: 'ab',
      stays: 'a',
      main: 'b',
    });
  });

  it('get nothing said on a node without GPUs', () => {
    expect(gpusOf(pod('p', {}), container('x', '1'), [])).toBeUndefined();
  });
});
