/**
 * Thirty instances of the three kinds on three hosts of the lab, from `kubectl apply` until all run, beside
 * the same started by hand with docker run, systemd-run and virsh, the hosts at once, in turns within one run.
 * Run: npm run bench:hosts [-- --rounds 3]. Prints JSON.
 */
import { parseArgs } from 'node:util';
import { Cluster, guestCommandLine, labImage } from '../hosts/cluster.ts';
import { round, summary } from './berth.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });
const hosts = [1, 2, 3] as const;
/** On each host. */
const counts = { container: 4, process: 3, machine: 3 } as const;
type Kind = keyof typeof counts;
const memoryMiB = 96;
const sleep = ['sleep', '100000'];

const untilEmpty = `while [ -n "$(docker ps -q)$(virsh -q list --name)" ]; do sleep 0.2; done`;

const endByHand = `docker rm -f $(docker ps -aq) >/dev/null
${eachOf('process')
  .map((name) => `systemctl stop ${name}`)
  .join('\n')}
${eachOf('machine')
  .map((name) => `virsh -q destroy ${name}`)
  .join('\n')}`;

const cluster = await Cluster.start(hosts.length);
const berthMs: number[] = [];
const byHandMs: number[] = [];
try {
  for (let at = 0; at < Number(values.rounds); at += 1) {
    berthMs.push(await timed(throughBerth));
    await cluster.kubectl('delete', 'pods,vms', '--all', '--grace-period=0', '--force');
    await Promise.all(hosts.map((host) => cluster.sh(host, untilEmpty)));
    byHandMs.push(await timed(byHand));
    await Promise.all(hosts.map((host) => cluster.sh(host, endByHand)));
  }
} finally {
  await cluster.remove();
}
const [berth, hand] = [summary(berthMs), summary(byHandMs)];
const instances = hosts.length * Object.values(counts).reduce((sum, count) => sum + count, 0);
const ratio = round(berth.median / hand.median);
console.log(JSON.stringify({ instances, berthMs: berth, byHandMs: hand, ratio }, null, 2));

async function timed(task: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await task();
  return performance.now() - startedMs;
}

function eachOf(kind: Kind): readonly string[] {
  return Array.from({ length: counts[kind] }, (_, at) => `${kind}-${at}`);
}

async function throughBerth(): Promise<void> {
  // In the order of what is done by hand: a guest that boots takes its processor from who starts later.
  const kinds = Object.keys(counts) as Kind[]; // As it is written above.
  await cluster.apply(...kinds.flatMap((kind) => hosts.flatMap((host) => manifests(host)[kind])));
  const all = ['pods', 'vms', '--all', '--for=condition=Ready', '--timeout=120s'];
  await cluster.kubectl('wait', 'pods', ...all.slice(2));
  await cluster.kubectl('wait', 'vms', ...all.slice(2));
}

function manifests(host: number): Readonly<Record<Kind, readonly object[]>> {
  const pod = (name: string, spec: object) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `h${host}-${name}` },
    spec: { nodeName: `h${host}`, ...spec },
  });
  return {
    container: eachOf('container').map((name) => {
      const container = { name: 'main', image: labImage, imagePullPolicy: 'Never', command: sleep };
      return pod(name, { containers: [container] });
    }),
    process: eachOf('process').map((name) =>
      pod(name, { runtimeClassName: 'systemd', containers: [{ name: 'main', command: sleep }] }),
    ),
    machine: eachOf('machine').map((name) => ({
      apiVersion: 'berth.dev/v1',
      kind: 'VM',
      metadata: { name: `h${host}-${name}` },
      spec: {
        nodeName: `h${host}`,
        resources: { requests: { cpu: '100m', memory: `${memoryMiB}Mi` } },
        boot: {
          kernel: '/lab/vmlinuz',
          initrd: '/lab/initrd.gz',
          commandLine: guestCommandLine('0.0.0.0', name),
        },
        interfaces: [{ bridge: 'br0' }],
        graphics: false,
      },
    })),
  };
}

/** Each program returns when what it starts runs, as `Running` says. */
async function byHand(): Promise<void> {
  const containers = eachOf('container').map(
    (name) => `docker run -d --name ${name} ${labImage} ${sleep.join(' ')}`,
  );
  const processes = eachOf('process').map(
    (name) => `systemd-run -q --unit=${name} --service-type=exec ${sleep.join(' ')}`,
  );
  const machines = eachOf('machine').map(
    (name) => `virsh -q create /dev/stdin <<'XML'\n${domain(name)}\nXML`,
  );
  const script = [...containers, ...processes, ...machines].join('\n');
  await Promise.all(hosts.map((host) => cluster.sh(host, script)));
}

function domain(name: string): string {
  return `<domain type='qemu'><name>${name}</name><memory unit='MiB'>${memoryMiB}</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type><kernel>/lab/vmlinuz</kernel><initrd>/lab/initrd.gz</initrd>
<cmdline>${guestCommandLine('0.0.0.0', name)}</cmdline></os><features><acpi/></features>
<devices><serial type='pty'/><interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface></devices></domain>`;
}
