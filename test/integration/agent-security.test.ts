/** Security contexts and shared namespaces, seen from inside real containers. */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PodSpec, SecurityContext } from '../../api/kinds.gen.ts';
import { DockerAgent, restScript, shell } from '../harness/docker-agent.ts';

let agent: DockerAgent;
let count = 0;

beforeAll(async () => {
  agent = await DockerAgent.start();
});
afterAll(() => agent.clean());

const output = (script: string, securityContext: SecurityContext, spec: Partial<PodSpec> = {}) => {
  count += 1;
  return agent.outputOf(`p${count}`, { containers: [shell(script, { securityContext })], ...spec });
};

/** A bit of `CapEff` in /proc/self/status. */
const capability = { chown: 0n, netRaw: 13n, sysAdmin: 21n } as const;
const has = (line: string | undefined, bit: bigint) =>
  ((BigInt(`0x${line?.split(/\s+/).at(-1)}`) >> bit) & 1n) === 1n;
const effective = 'grep CapEff /proc/self/status';

describe.concurrent('security', () => {
  test('user and groups: the container before the pod', async () => {
    const [line] = await output(
      'id',
      { runAsUser: 1000 },
      {
        securityContext: {
          runAsUser: 7,
          runAsGroup: 3000,
          supplementalGroups: [4000],
          fsGroup: 2000,
        },
      },
    );
    expect(line).toMatch(/^uid=1000(\(app\))? gid=3000 groups=/);
    expect(line).toMatch(/4000/);
    expect(line).toMatch(/2000/);
  });

  test('fsGroup owns an emptyDir, and what is made in it', async () => {
    const volumeMounts = [{ name: 'scratch', mountPath: '/scratch' }];
    const main = shell('touch /scratch/f; stat -c "%a %g" /scratch /scratch/f', { volumeMounts });
    const lines = await agent.outputOf('fs-group', {
      securityContext: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000 },
      volumes: [{ name: 'scratch', emptyDir: {} }],
      containers: [main],
    });
    expect(lines).toEqual(['2777 2000', '644 2000']);
  });

  test('capabilities', async () => {
    const [none] = await output(effective, { capabilities: { drop: ['ALL'] } });
    expect(none).toMatch(/0{16}$/);
    const context = { capabilities: { drop: ['ALL'], add: ['NET_RAW'] } };
    const [one] = await output(effective, context);
    expect(has(one, capability.netRaw)).toBe(true);
    expect(has(one, capability.chown)).toBe(false);
    const [more] = await output(effective, { capabilities: { add: ['SYS_ADMIN'] } });
    expect(has(more, capability.sysAdmin)).toBe(true);
    expect(has(more, capability.chown)).toBe(true);
  });

  test('no gain of rights, a root directory for reading only', async () => {
    const script = 'grep NoNewPrivs /proc/self/status; touch /x || echo refused';
    const context = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true };
    const lines = await output(script, context);
    expect(lines).toContain('NoNewPrivs:\t1');
    expect(lines).toContain('refused');
    expect(await output('grep NoNewPrivs /proc/self/status', {})).toEqual(['NoNewPrivs:\t0']);
  });

  test('filters of system calls', async () => {
    const mode = 'grep Seccomp: /proc/self/status';
    expect(await output(mode, { seccompProfile: { type: 'RuntimeDefault' } })).toEqual([
      'Seccomp:\t2',
    ]);
    expect(await output(mode, { seccompProfile: { type: 'Unconfined' } })).toEqual(['Seccomp:\t0']);
    const rule = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' };
    const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] };
    await mkdir(join(agent.dataDir, 'seccomp'), { recursive: true });
    await writeFile(join(agent.dataDir, 'seccomp', 'no-mkdir.json'), JSON.stringify(profile));
    const local = { type: 'Localhost', localhostProfile: 'no-mkdir.json' } as const;
    const lines = await output('mkdir /x 2>/dev/null || echo refused', { seccompProfile: local });
    expect(lines).toEqual(['refused']);
  });

  test('an image that runs as root is refused where it must not', async () => {
    await agent.createPod('root', {
      securityContext: { runAsNonRoot: true },
      containers: [shell('echo started')],
    });
    const pod = await agent.untilPod(
      'root',
      ({ status }) =>
        status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
    );
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toMatch(
      /^container has runAsNonRoot and image will run as root \(pod: "root_default\(/,
    );
    expect(agent.events('root').join('\n')).toMatch(
      /Warning Failed Error: container has runAsNonRoot/,
    );
    const instance = await agent.runtime.get(pod.metadata.uid ?? '', {
      signal: new AbortController().signal,
    });
    expect(instance).toBeUndefined();
  });

  test('kernel parameters, names and resolvers of the pod, one container or several', async () => {
    const script = [
      'cat /proc/sys/net/ipv4/ip_unprivileged_port_start',
      'grep -c "10.9.8.7.*db.local" /etc/hosts',
      'grep -c "nameserver 192.0.2.53" /etc/resolv.conf',
      'grep -c "ndots:3" /etc/resolv.conf',
      'hostname',
      'grep -c "host-a.sub.default.svc.cluster.local" /etc/hosts',
    ].join('; ');
    const spec: Partial<PodSpec> = {
      hostname: 'host-a',
      subdomain: 'sub',
      hostAliases: [{ ip: '10.9.8.7', hostnames: ['db', 'db.local'] }],
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['192.0.2.53'], options: [{ name: 'ndots', value: '3' }] },
      securityContext: {
        sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '1' }],
      },
    };
    const expected = ['1', '1', '1', '1', 'host-a', '1'];
    expect(await output(script, {}, spec)).toEqual(expected);
    const containers = [shell(script), shell('true', { name: 'other' })];
    expect(await output(script, {}, { ...spec, containers })).toEqual(expected);
  });

  test('processes and IPC of the machine, and of each other', async () => {
    const own = (await stat('/proc/self/ns/ipc')).ino;
    const ipc = await output('stat -Lc %i /proc/self/ns/ipc', {}, { hostIPC: true });
    expect(ipc).toEqual([String(own)]);
    const [count] = await output('ls -d /proc/[0-9]* | wc -l', {}, { hostPID: true });
    expect(Number(count)).toBeGreaterThan(10);
    const seeing = 'until ps | grep -q "[s]leep 1234"; do sleep 0.1; done; echo seen; ps | head -2';
    const containers = [shell(seeing), shell(`sleep 1234 & ${restScript}`, { name: 'other' })];
    const { metadata } = await agent.createPod('sharing', {
      shareProcessNamespace: true,
      containers,
    });
    const log = await agent.until(async () => {
      const text = await agent.log(metadata.uid ?? '', 'main').catch(() => '');
      return text.includes('seen') && text.includes('pause') ? text : undefined;
    });
    expect(log).toMatch(/1 0? *.*\/pause/);
  });
});
