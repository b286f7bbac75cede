import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { volumesNear } from './affinity.ts';
import { parseBinding, parseSize, VolumeBindingError } from './binding.ts';
import { type NodeDisk, NodeVolumes, type VolumePlan } from './volumes.ts';

const Gi = 1024 ** 3;
const Ti = 1024 ** 4;
const fast = { readIops: 1000, writeIops: 1000, readBps: Gi, writeBps: Gi };
const none = { readIops: 0, writeIops: 0, readBps: 0, writeBps: 0 };
const disks: readonly NodeDisk[] = [
  { device: '/dev/vda', mounts: ['/', '/data'], ...fast },
  { device: '/dev/vdb', mounts: ['/data1'], ...none },
];
const four = ['/data0', '/data1', '/data2', '/data3'].map((path) => ({ path, size: Ti }));

/** Four volumes of 1 Ti, 200 Gi of the first and 300 Gi of the second used. */
function node(): NodeVolumes {
  const volumes = new NodeVolumes(four, disks);
  const used = (volume: string, size: number) => ({
    binding: auto('/x', 'rw', '1G'),
    volume,
    size,
  });
  volumes.take([used('/data0', 200 * Gi), used('/data1', 300 * Gi)]);
  return volumes;
}

function auto(path: string, flags: string, size: string, rates = '0:0:0:0') {
  return parseBinding(`AUTO:${path}:${flags}:${size}:${rates}`);
}

const normal = (path: string, size: string, rates?: string) => auto(path, 'rw', size, rates);
const mono = (path: string, size: string) => auto(path, 'rwm', size);
const monos = (count: number, size: string) =>
  Array.from({ length: count }, (_, i) => mono(`/mono${i}`, size));
const normals = (count: number, size: string) =>
  Array.from({ length: count }, (_, i) => normal(`/dir${i}`, size));
const unlimited = (path: string) => auto(path, 'rw', '0');
const places = (plan: VolumePlan | undefined) => plan?.map(({ volume }) => volume.slice(1));

describe('a binding', () => {
  it.each([
    ['AUTO:/data:rw:10GiB:100:200:10M:20M', 'normal', 10 * Gi],
    [':/data:rw:1T', 'normal', Ti],
    ['AUTO:/data:rwm:1G', 'mono', Gi],
    ['AUTO:/data:rw', 'unlimited', 0],
    ['AUTO:/data', 'unlimited', 0],
    ['/srv/x:/data:ro', 'mount', 0],
    ['/srv/x:/data:ro:0:100:0:0:0', 'mount', 0],
  ])('%s', (text, kind, size) => {
    expect(parseBinding(text)).toMatchObject({ kind, size, path: '/data' });
  });

  it('names its throughput', () => {
    expect(parseBinding('AUTO:/data:rw:1G:100:200:10M:20M')).toMatchObject({
      readIops: 100,
      writeIops: 200,
      readBps: 10 * 1024 ** 2,
      writeBps: 20 * 1024 ** 2,
    });
  });

  it.each([
    ['/data', /must be source:path/],
    ['AUTO:data', /path "data" must begin/],
    ['srv:/data', /source "srv"/],
    ['AUTO:/data:x', /flags "x"/],
    ['AUTO:/data:rw:much', /"much" is no size/],
    ['AUTO:/data:rw:-1', /"-1" is no size/],
    ['AUTO:/data:rwm', /must say a size/],
    ['AUTO:/data:rw:1G:1', /must be source:path/],
  ])('%s is none', (text, message) => {
    expect(() => parseBinding(text)).toThrow(VolumeBindingError);
    expect(() => parseBinding(text)).toThrow(message);
  });

  it.each([
    ['0', 0],
    ['1.5G', 1.5 * Gi],
    ['10GiB', 10 * Gi],
    ['10GB', 10 * Gi],
    ['1m', 1024 ** 2],
    ['', undefined],
    ['1e3', undefined],
    ['99999999P', undefined],
  ])('size %s', (text, size) => {
    expect(parseSize(text)).toBe(size);
  });
});

describe('plans', () => {
  it.each([
    ['500G', normals(1, '500G'), 6],
    ['500G twice', normals(2, '500G'), 3],
    ['1G and mono 1G', [normal('/dir0', '1G'), mono('/dir1', '1G')], 2],
    ['500G twice, mono 100G three times', [...normals(2, '500G'), ...monos(3, '100G')], 1],
    ['500G, unlimited, mono', [normal('/d', '500G'), unlimited('/u'), ...monos(3, '100G')], 2],
    ['unlimited', [unlimited('/u')], 1000],
    ['2 TiB', [normal('/d', '2T')], 0],
    ['800G seven times', normals(7, '800G'), 0],
    ['mono 500G three times', monos(3, '500G'), 0],
    ['800G four times, mono 500G twice', [...normals(4, '800G'), ...monos(2, '500G')], 0],
    [
      'throughput',
      [normal('/d1', '500G', '500:100:100M:100M'), normal('/d2', '500G', '100:100:100M:100M')],
      1,
    ],
    [
      'too much throughput',
      [normal('/d1', '500G', '500:100:100M:10000M'), normal('/d2', '500G', '100:100:100M:100M')],
      0,
    ],
  ])('for %s', (_, bindings, count) => {
    expect(node().count(bindings, 1000)).toBe(count);
  });

  it.each([
    [
      normals(2, '500G'),
      [
        ['data1', 'data0'],
        ['data2', 'data2'],
        ['data3', 'data3'],
      ],
    ],
    [normals(1, '500G'), [['data1'], ['data0'], ['data2'], ['data2'], ['data3'], ['data3']]],
    [
      [normal('/d1', '500G', '500:0:0:0'), normal('/d2', '500G', '100:0:0:0')],
      [['data0', 'data2']],
    ],
    [[unlimited('/u')], [['data2'], ['data2']]],
  ])('%# go to the fullest that has room', (bindings, expected) => {
    const some = node();
    for (const one of expected) {
      const plan = some.plan(bindings);
      expect(places(plan)).toEqual(one);
      some.take(plan ?? []);
    }
  });

  it('for volumes of their own share one, to the last byte', () => {
    const plan = node().plan([...normals(2, '500G'), ...monos(3, '100G')]) ?? [];
    expect(places(plan)).toEqual(['data1', 'data0', 'data3', 'data3', 'data3']);
    expect(plan.slice(2).map(({ size }) => size)).toEqual([
      366503875926, 366503875925, 366503875925,
    ]);
  });

  it('count a mount for the disk with the longest prefix', () => {
    const two = new NodeVolumes(
      [],
      [
        { device: 'slow', mounts: ['/'], ...none, readIops: 10 },
        { device: 'fast', mounts: ['/data'], ...none, readIops: 100 },
      ],
    );
    const mount = (source: string) => [parseBinding(`${source}:/x:r:0:10:0:0:0`)];
    expect(two.count(mount('/data/a'), 1000)).toBe(10);
    expect(two.count(mount('/data'), 1000)).toBe(10);
    expect(two.count(mount('/data2'), 1000)).toBe(1);
    expect(new NodeVolumes([], []).count(mount('/data'), 1000)).toBe(0);
  });

  it('of mixed kinds are as many as the three disks of them allow', () => {
    const volumes = [40, 11, 12, 100, 100, 100].map((size, i) => ({
      path: `/v${i}`,
      size: size * Gi,
    }));
    const one = [{ device: 'd', mounts: ['/'], ...none, readIops: 1000 }];
    const some = new NodeVolumes(volumes, one);
    some.take([{ binding: normal('/x', '1G'), volume: '/v0', size: 10 * Gi }]);
    const bindings = [
      normal('/a', '10G', '85:0:0:0'),
      mono('/b', '10G'),
      parseBinding('/srv:/c:r:0:10:0:0:0'),
    ];
    expect(some.count(bindings, 1000)).toBe(4);
  });

  it('never take more than there is; taking and giving back changes nothing', () => {
    const size = fc.constantFrom('1G', '100G', '500G', '800G');
    const rate = fc.constantFrom('0:0:0:0', '100:0:0:0', '0:300:10M:0');
    const binding = fc.tuple(fc.constantFrom('rw', 'rwm', 'u'), size, rate);
    const instance = fc.array(binding, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(instance, { maxLength: 6 }), (list) => {
        const some = node();
        const taken: VolumePlan[] = [];
        for (const asked of list) {
          const bindings = asked.map(([flags, bytes, rates], i) =>
            flags === 'u' ? unlimited(`/d${i}`) : auto(`/d${i}`, flags, bytes, rates),
          );
          const plan = some.plan(bindings);
          expect(plan !== undefined).toBe(some.count(bindings, 1) === 1);
          if (plan === undefined) continue;
          expect(plan.map((share) => share.binding)).toEqual(bindings);
          some.take(plan);
          taken.push(plan);
          for (const { path } of four) expect(some.freeOn(path)).toBeGreaterThanOrEqual(0);
        }
        const own = taken.flatMap((plan) => [
          ...new Set(plan.filter((s) => s.binding.kind === 'mono').map((s) => s.volume)),
        ]);
        // A volume of one's own is nobody else's.
        expect(new Set(own).size).toBe(own.length);
        for (const path of own) expect(some.freeOn(path)).toBe(0);
        for (const disk of disks) {
          const used = taken
            .flat()
            .filter(({ volume }) => (volume === '/data1') === (disk.device === '/dev/vdb'));
          const iops = used.reduce((sum, share) => sum + share.binding.readIops, 0);
          expect(iops).toBeLessThanOrEqual(disk.readIops);
        }
        for (const plan of taken) some.release(plan);
        expect(four.map(({ path }) => some.freeOn(path))).toEqual(
          four.map(({ path }) => node().freeOn(path)),
        );
        expect(some.count(normals(1, '500G'), 1000)).toBe(6);
      }),
      { numRuns: 300 },
    );
  });
});

describe('an instance fits', () => {
  /** Whether it does, by trying all there is. */
  function canFit(sizes: readonly number[], free: readonly number[], asked: Asked): boolean {
    const [first, ...others] = asked.normals;
    if (first !== undefined) {
      return free.some((left, i) => {
        const rest = { ...asked, normals: others };
        return left >= first && canFit(sizes, free.with(i, left - first), rest);
      });
    }
    const own = asked.monos.reduce((sum, size) => sum + size, 0);
    return own === 0 || free.some((left, i) => left === sizes[i] && left >= own);
  }

  it('wherever there is any way to place it', () => {
    const size = fc.integer({ min: 1, max: 6 });
    const inputs = fc.record({
      volumes: fc.array(fc.tuple(size, fc.integer({ min: 0, max: 5 })), { maxLength: 4 }),
      normals: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }),
      monos: fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 2 }),
    });
    let fitting = 0;
    fc.assert(
      fc.property(inputs, ({ volumes, normals: shared, monos: own }) => {
        const sizes = volumes.map(([bytes]) => bytes);
        const free = volumes.map(([bytes, used]) => Math.max(0, bytes - used));
        const some = new NodeVolumes(
          sizes.map((bytes, i) => ({ path: `/v${i}`, size: bytes })),
          [],
        );
        for (const [i, left] of free.entries()) {
          const taken = (sizes[i] ?? 0) - left;
          some.take([{ binding: normal('/x', '1'), volume: `/v${i}`, size: taken }]);
        }
        const plan = some.plan([
          ...shared.map((bytes, i) => normal(`/n${i}`, `${bytes}`)),
          ...own.map((bytes, i) => mono(`/m${i}`, `${bytes}`)),
        ]);
        const expected = canFit(sizes, free, { normals: shared, monos: own });
        expect(plan !== undefined).toBe(expected);
        if (expected) fitting += 1;
      }),
      { numRuns: 1000 },
    );
    expect(fitting).toBeGreaterThan(100);
  });

  it('with a volume of its own, where the first place for the others would take that', () => {
    const some = new NodeVolumes(
      [6, 3, 6, 3].map((size, i) => ({ path: `/v${i}`, size })),
      [],
    );
    const used = (volume: string, size: number) => ({ binding: normal('/x', '1'), volume, size });
    some.take([used('/v0', 5), used('/v1', 3)]);
    const plan = some.plan([normal('/a', '2'), normal('/b', '3'), mono('/c', '2')]);
    expect(places(plan)).toEqual(['v2', 'v2', 'v3']);
  });
});

interface Asked {
  readonly normals: readonly number[];
  readonly monos: readonly number[];
}

describe('an instance that changes what it asks', () => {
  const held = [
    { binding: normal('/dir0', '100G', '100:100:0:0'), volume: '/data0', size: 100 * Gi },
    { binding: mono('/dir1', '100G'), volume: '/data2', size: Ti },
    { binding: unlimited('/dir2'), volume: '/data0', size: 0 },
  ];
  const dir0 = (size: string) => normal('/dir0', size, '100:100:0:0');

  function changed(...bindings: Parameters<NodeVolumes['plan']>[0]) {
    const some = new NodeVolumes(four, disks);
    const other = { binding: normal('/x', '1G'), volume: '/data1', size: 300 * Gi };
    some.take([...held, other, { ...other, volume: '/data0', size: 100 * Gi }]);
    const plan = volumesNear(some, held, bindings);
    return plan?.map(({ binding, volume, size }) => [binding.path, volume.slice(1), size]);
  }

  const [u, m] = [unlimited('/dir2'), mono('/dir1', '100G')];

  it('stays as it is', () => {
    expect(changed(dir0('100G'), m, u)).toEqual([
      ['/dir0', 'data0', 100 * Gi],
      ['/dir1', 'data2', Ti],
      ['/dir2', 'data0', 0],
    ]);
  });

  it('grows where it is, and takes new ones along', () => {
    const plan = changed(dir0('101G'), m, u, normal('/dir3', '1G'));
    expect(plan?.[0]).toEqual(['/dir0', 'data0', 101 * Gi]);
    expect(plan?.[3]).toEqual(['/dir3', 'data0', Gi]);
  });

  it('shares a volume of its own anew', () => {
    expect(changed(dir0('100G'), mono('/dir1', '101G'), u)?.[1]).toEqual(['/dir1', 'data2', Ti]);
    const two = changed(dir0('100G'), mono('/dir1', '101G'), u, mono('/dir3', '1G'));
    expect([two?.[1], two?.[3]]).toEqual([
      ['/dir1', 'data2', 1088732102013],
      ['/dir3', 'data2', 10779525763],
    ]);
  });

  it('moves to another volume of its own when the one it had is given up', () => {
    const plan = changed(dir0('100G'), u, mono('/dir3', '100G'), mono('/dir4', '100G'));
    expect(plan?.slice(2)).toEqual([
      ['/dir3', 'data3', Ti / 2],
      ['/dir4', 'data3', Ti / 2],
    ]);
  });

  it('becomes unlimited or limited in its place', () => {
    const plan = changed(unlimited('/dir0'), normal('/dir2', '100G'), m, mono('/dir3', '100G'));
    expect(plan).toEqual([
      ['/dir0', 'data0', 0],
      ['/dir2', 'data0', 100 * Gi],
      ['/dir1', 'data2', Ti / 2],
      ['/dir3', 'data2', Ti / 2],
    ]);
  });

  it.each([
    ['no room where it is', [dir0('1124G'), m, u]],
    ['larger than its volume', [dir0('100G'), mono('/dir1', '1124G'), u]],
    [
      'new ones that fit nowhere',
      [dir0('100G'), m, u, normal('/dir3', '1T'), normal('/dir4', '1T')],
    ],
  ])('%s: cannot be', (_, bindings) => {
    expect(changed(...bindings)).toBeUndefined();
  });
});
