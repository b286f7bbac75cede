/** A container, a service and a domain that somebody else started, taken under management and given back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster, labImage } from './cluster.ts';

const timeoutMs = 300_000;
let cluster: Cluster;

const unitFile = `[Unit]
Description=Counts
[Service]
ExecStart=/bin/sh -c 'echo counting for $WHO; exec sleep 100000'
Environment=WHO=us
Restart=always
User=nobody
MemoryMax=64M
[Install]
WantedBy=multi-user.target
`;

/** It has nothing to boot, and runs. */
const domainXml = `<domain type='qemu'><name>bios</name><memory unit='MiB'>16</memory>
<os><type machine='pc'>hvm</type></os></domain>
`;

const isEnabled = 'systemctl is-enabled counts || true';
const unitState =
  'systemctl show counts -p MainPID -p ExecMainStartTimestampMonotonic -p NRestarts';
const containerState =
  "docker inspect -f '{{.State.Pid}} {{.State.StartedAt}} {{.HostConfig.RestartPolicy.Name}}' web";

beforeAll(async () => {
  cluster = await Cluster.start(1);
  await cluster.sh(1, `cat > /etc/systemd/system/counts.service <<'EOF'\n${unitFile}EOF`);
  await cluster.sh(1, 'systemctl daemon-reload; systemctl enable -q --now counts');
  const command = `sh -c 'echo hello; exec sleep 100000'`;
  await cluster.sh(1, `docker run -d --name web --restart always -e A=1 ${labImage} ${command}`);
}, timeoutMs);

afterAll(() => cluster?.remove(), timeoutMs);

/** All but the restart policy, which is Berth's meanwhile. */
const process = async () => (await cluster.sh(1, containerState)).split(' ').slice(0, 2);

describe(
  'a container',
  () => {
    test('is adopted with PID and start time unchanged, and kubectl works on it', async () => {
      const before = await process();
      const { code, stdout, stderr } = await cluster.berth(1, 'adopt', 'docker/web');
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect(stdout).toBe('pod/web adopted: docker/web on node h1 runs on as it did\n');
      await cluster.kubectl('wait', 'pod/web', '--for=condition=Ready', '--timeout=180s');
      expect(await cluster.kubectl('logs', 'web')).toBe('hello\n');
      expect(await cluster.kubectl('exec', 'web', '--', 'sh', '-c', 'echo $A')).toBe('1\n');
      await cluster.killBerth(1);
      await cluster.reviveBerth(1);
      await cluster.kubectl('wait', 'pod/web', '--for=condition=Ready', '--timeout=180s');
      expect(await process()).toEqual(before);
      const again = await cluster.berth(1, 'adopt', 'docker/web', '--name', 'web-2');
      expect(again.stderr).toContain('container "web" belongs to pod default/web already');
    });

    test('is released as it was', async () => {
      const before = await process();
      const { code, stdout } = await cluster.berth(1, 'release', 'web');
      expect({ code, stdout }).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^pod\/web released: docker:\/\//),
      });
      expect((await cluster.sh(1, containerState)).split(' ')).toEqual([...before, 'always']);
      expect(await cluster.kubectl('get', 'pods')).toBe('');
    });

    test('that ends under management is started again by the manifest', async () => {
      await cluster.berth(1, 'adopt', 'docker/web');
      await cluster.sh(1, 'docker kill web');
      await cluster.until('it runs again', async () => {
        const words = '{.status.containerStatuses[0].restartCount} {.status.phase}';
        const status = await cluster.kubectl('get', 'pod/web', '-o', `jsonpath=${words}`);
        return status === '1 Running' && (await cluster.kubectl('logs', 'web')) === 'hello\n';
      });
      await cluster.kubectl('delete', 'pod/web', '--grace-period=1');
      expect(await cluster.sh(1, 'docker ps -aq')).toBe('');
    });
  },
  timeoutMs,
);

describe(
  'a service',
  () => {
    test('is adopted with PID and start time unchanged', async () => {
      const before = await cluster.sh(1, unitState);
      const dry = await cluster.berth(1, 'adopt', 'systemd/counts', '--dry-run');
      expect(dry.stdout).toContain('runAsUser: 65534');
      const { code, stderr } = await cluster.berth(1, 'adopt', 'systemd/counts');
      expect(stderr).toContain('after a restart without: program, environment');
      expect(code).toBe(0);
      await cluster.kubectl('wait', 'pod/counts', '--for=condition=Ready', '--timeout=180s');
      expect(await cluster.kubectl('logs', 'counts')).toBe('counting for us\n');
      expect(await cluster.sh(1, unitState)).toBe(before);
      expect(await cluster.sh(1, isEnabled)).toBe('disabled');
    });

    test('is released as it was', async () => {
      const before = await cluster.sh(1, unitState);
      expect(await cluster.berth(1, 'release', 'counts')).toMatchObject({ code: 0 });
      expect(await cluster.sh(1, unitState)).toBe(before);
      expect(await cluster.sh(1, isEnabled)).toBe('enabled');
      expect(await cluster.sh(1, 'systemctl show counts -p Restart')).toBe('Restart=always');
    });

    test('is started by Berth, and by nobody else, after a power cut; a domain too', async () => {
      await cluster.berth(1, 'adopt', 'systemd/counts');
      await cluster.sh(1, `cat > /root/domain.xml <<'EOF'\n${domainXml}EOF`);
      await cluster.sh(1, 'virsh -q define /root/domain.xml; virsh -q autostart bios');
      await cluster.sh(1, 'virsh -q start bios');
      expect(await cluster.berth(1, 'adopt', 'libvirt/bios')).toMatchObject({ code: 0 });
      await cluster.lab.crash(1);
      await cluster.lab.boot(1);
      expect(await cluster.sh(1, 'pgrep -cf "^sleep 100000" || true')).toBe('0');
      expect(await cluster.sh(1, 'virsh -q domstate bios')).toContain('shut off');
      await cluster.reviveBerth(1);
      await cluster.until('it runs again', async () => {
        return (await cluster.sh(1, 'pgrep -cf "^sleep 100000" || true')) === '1';
      });
      await cluster.kubectl('wait', 'pod/counts', '--for=condition=Ready', '--timeout=180s');
      await cluster.kubectl('delete', 'pod/counts', '--grace-period=1');
      await cluster.kubectl('wait', 'vm/bios', '--for=condition=Ready', '--timeout=180s');
      expect(await cluster.sh(1, 'virsh -q domstate bios')).toContain('running');
      await cluster.kubectl('delete', 'vm/bios', '--grace-period=1', '--timeout=180s');
      expect(await cluster.sh(1, 'virsh -q domstate bios')).toContain('shut off');
      await cluster.sh(1, 'systemctl enable -q --now counts');
    });

    test('that ends under management is started again by the manifest, and once', async () => {
      await cluster.berth(1, 'adopt', 'systemd/counts.service');
      await cluster.sh(1, 'systemctl kill -s KILL counts');
      await cluster.until('it runs again', async () => {
        const words = '{.status.containerStatuses[0].restartCount} {.status.phase}';
        const status = await cluster.kubectl('get', 'pod/counts', '-o', `jsonpath=${words}`);
        return status === '1 Running';
      });
      expect(await cluster.sh(1, 'pgrep -cf "^sleep 100000"')).toBe('1');
      await cluster.kubectl('delete', 'pod/counts', '--grace-period=1');
      expect(await cluster.sh(1, 'pgrep -cf "^sleep 100000" || true')).toBe('0');
    });
  },
  timeoutMs,
);

test(
  'what does not run is refused, and nothing is left',
  async () => {
    const refused = await cluster.berth(1, 'adopt', 'docker/none');
    expect(refused.stderr).toBe(
      'berth: no container "none" on this node: see "docker ps" (NotFound)\n',
    );
    const wrong = await cluster.berth(1, 'adopt', 'podman/db');
    expect(wrong.stderr).toContain('name docker/NAME or systemd/NAME or libvirt/NAME');
    const absent = await cluster.berth(1, 'adopt', 'libvirt/db');
    expect(absent.stderr).toContain('no domain "db" on this node: see "virsh list --all"');
    await cluster.sh(1, 'sed s/bios/brief/ /root/domain.xml > /root/brief.xml');
    await cluster.sh(1, 'virsh -q create /root/brief.xml');
    const transient = await cluster.berth(1, 'adopt', 'libvirt/brief');
    expect(transient.stderr).toContain('domain "brief" is transient');
    await cluster.sh(1, 'virsh -q destroy brief');
    expect(await cluster.kubectl('get', 'pods')).toBe('');
  },
  timeoutMs,
);
