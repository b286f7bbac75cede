/** The example with a container, a process and a machine on three hosts, and the same commands for all. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from './cluster.ts';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));

const timeoutMs = 600_000;
const addresses = { container: '10.99.0.101', process: '10.99.0.102', machine: '10.99.0.103' };
const kinds = ['container', 'process', 'machine'] as const;
type Kind = (typeof kinds)[number];

/** As `kubectl` and `berth` name it. */
const targetOf = (kind: Kind) => (kind === 'machine' ? 'vm/machine' : `pod/${kind}`);
const hostOf: Readonly<Record<Kind, number>> = { container: 1, process: 2, machine: 3 };

let cluster: Cluster;

/** As the example says. */
const iops = 20;
beforeAll(async () => {
  cluster = await Cluster.start(3);
  await cluster.run(hostOf.container, ['node', join(examples, 'images', 'build.mjs')]);
}, timeoutMs);

afterAll(() => cluster?.remove(), timeoutMs);

const exec = (kind: Kind, ...command: readonly string[]) =>
  cluster.berth(1, 'exec', targetOf(kind), '--', '/bin/busybox', ...command);

test(
  'all are applied at once, and become ready where the manifest says',
  async () => {
    await cluster.kubectl('apply', '-f', join(examples, 'three-hulls'));
    await cluster.kubectl(
      'wait',
      ...kinds.map(targetOf),
      '--for=condition=Ready',
      '--timeout=180s',
    );
    for (const kind of kinds) {
      const node = await cluster.kubectl('get', targetOf(kind), '-o', 'jsonpath={.spec.nodeName}');
      expect(node).toBe(`h${hostOf[kind]}`);
      const [reservation, volume] = await Promise.all(
        ['ipreservation', 'volume'].map((each) =>
          cluster.kubectl('get', `${each}/${kind}`, '-o', 'jsonpath={.status.holder.name}'),
        ),
      );
      expect({ reservation, volume }).toEqual({ reservation: kind, volume: kind });
    }
  },
  timeoutMs,
);

test(
  'all nine pairs reach each other over the hosts',
  async () => {
    await cluster.until('the agent of the guest answers', async () => {
      return (await exec('machine', 'true')).code === 0;
    });
    for (const from of kinds) {
      for (const to of kinds) {
        const { code, stdout } = await exec(from, 'ping', '-c', '1', '-W', '2', addresses[to]);
        expect({ from, to, code, stdout }).toMatchObject({ code: 0 });
      }
    }
  },
  timeoutMs,
);

test(
  'a guest that asks by DHCP is told the address that is reserved for it',
  async () => {
    const ask = ['udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '5', '-s', '/bin/true'];
    const { code, stdout, stderr } = await exec('machine', ...ask);
    expect({ code, words: stdout + stderr }).toEqual({
      code: 0,
      words: expect.stringContaining(`lease of ${addresses.machine} obtained from`),
    });
  },
  timeoutMs,
);

test(
  'logs and exec are the same commands for all three',
  async () => {
    for (const kind of kinds) {
      const { code, stdout } = await cluster.berth(1, 'logs', targetOf(kind));
      expect({ kind, code, stdout }).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(kind === 'machine' ? 'guest up' : 'serving'),
      });
      const failed = await exec(kind, 'sh', '-c', 'exit 3');
      expect({ kind, code: failed.code }).toEqual({ kind, code: 3 });
    }
  },
  timeoutMs,
);

test(
  'limits of CPU and memory are those of the kernel',
  async () => {
    const quota = (path: string) => `cat ${path}/cpu.cfs_quota_us ${path}/cpu.cfs_period_us`;
    const bytes = String(48 << 20);
    const id = await cluster.sh(
      1,
      'docker ps -q --no-trunc --filter label=berth.dev/container=main',
    );
    expect(await cluster.sh(1, quota(`/sys/fs/cgroup/cpu/docker/${id}`))).toBe('20000\n100000');
    const memory = `/sys/fs/cgroup/memory/docker/${id}/memory.limit_in_bytes`;
    expect(await cluster.sh(1, `cat ${memory}`)).toBe(bytes);
    const unit = `systemctl show 'berth_default_process_*' -p CPUQuotaPerSecUSec -p MemoryMax --value`;
    expect((await cluster.sh(2, unit)).split('\n').sort()).toEqual(['200ms', bytes].sort());
  },
  timeoutMs,
);

test(
  `${iops} writes a second are ${iops} for all three`,
  async () => {
    const writes = 100;
    const dd = `dd if=/dev/zero of=/data/file bs=4k count=${writes} oflag=direct 2>/dev/null`;
    for (const kind of kinds) {
      // The clock of busybox has whole seconds.
      const script = `start=$(date +%s); ${dd}; echo $(($(date +%s) - start))`;
      const { stdout, stderr } = await exec(kind, 'sh', '-c', script);
      const seconds = Number(stdout.trim());
      const least = writes / iops - 1;
      expect({ kind, stderr, slow: seconds >= least }).toEqual({ kind, stderr: '', slow: true });
    }
  },
  timeoutMs,
);
