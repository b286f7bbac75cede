/** CNI with Debian's plugins and with one that is made here, in network namespaces of their own. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../lib/log.ts';
import type { CniRequest } from '../../runtime/cni/cni.ts';
import { CniNetworks } from '../../runtime/cni/networks.ts';

const execute = promisify(execFile);
const never = { signal: new AbortController().signal };
const run = `cni-${process.pid}`;
const debian = ['bridge', 'host-local', 'portmap', 'bandwidth', 'tuning', 'loopback', 'static'];
const owner = (id: string) => ({ id, namespace: 'shop', name: `pod-${id}` });
const eth0 = { network: 'lan', interface: 'eth0' };

let directory: string;
let host: string;
let namespaces: string[];
let cni: CniNetworks;
let bridge: ReturnType<typeof bridgeOf>;

const ip = async (...args: readonly string[]) => (await execute('ip', args)).stdout;

async function namespace(name: string): Promise<string> {
  const own = `${run}-${name}`;
  await ip('netns', 'add', own);
  namespaces.push(own);
  return `/run/netns/${own}`;
}

/** One that starts knows what is on disk, and no more. */
function open(): CniNetworks {
  cni = new CniNetworks({
    stateDir: join(directory, 'ledger'),
    confDir: join(directory, 'net.d'),
    pluginDirs: [join(directory, 'bin')],
    log: silentLog,
  });
  return cni;
}

async function configure(name: string, plugins: readonly object[], more: object = {}) {
  const list = { cniVersion: '1.0.0', name, plugins, ...more };
  await writeFile(join(directory, 'net.d', `${name}.conflist`), JSON.stringify(list));
}

const ipam = (subnet: string) => ({
  type: 'host-local',
  dataDir: join(directory, 'ipam'),
  ranges: [[{ subnet }]],
  routes: [{ dst: '0.0.0.0/0' }],
});
const bridgeOf = (name: string, subnet: string) => ({
  ...{ type: 'bridge', bridge: name, isGateway: true },
  ipam: ipam(subnet),
});

const reserved = async (network: string) => {
  const files = await readdir(join(directory, 'ipam', network)).catch(() => []);
  return files.filter((name) => /^\d/.test(name));
};
const ledger = () => readdir(join(directory, 'ledger')).catch(() => []);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-cni-'));
  namespaces = [];
  bridge = bridgeOf('cni0', '10.83.0.0/24');
  host = await namespace('host');
  for (const name of ['net.d', 'bin']) await mkdir(join(directory, name));
  // The machine itself is not touched: what plugins take for it is a namespace too.
  for (const name of debian) {
    const script = `#!/bin/sh\nexec nsenter --net=${host} /usr/lib/cni/${name}\n`;
    await writeFile(join(directory, 'bin', name), script, { mode: 0o755 });
  }
  open();
});

afterEach(async () => {
  for (const name of namespaces) await ip('netns', 'delete', name).catch(() => undefined);
  await rm(directory, { recursive: true, force: true });
});

/** A plugin that writes down what it is told, and fails at what the file `fail` names. */
async function recorder(versions: readonly string[]): Promise<string> {
  const log = join(directory, 'calls');
  const known = JSON.stringify({ cniVersion: '1.0.0', supportedVersions: versions });
  const words = '{"code":11,"msg":"not now","details":"try later"}';
  const script = `#!/bin/sh
input=$(cat)
case $CNI_COMMAND in VERSION) echo '${known}'; exit ;; esac
echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_ARGS $input" >> ${log}
if grep -qs "$CNI_COMMAND" ${directory}/fail; then echo '${words}'; exit 1; fi
case $CNI_COMMAND in ADD) echo '{"cniVersion":"1.0.0","ips":[{"address":"10.9.0.1/24"}]}' ;; esac
`;
  await writeFile(join(directory, 'bin', 'recorder'), script, { mode: 0o755 });
  return log;
}

test('a chain gives an address, which is known to whoever starts later, and is given back', async () => {
  const portmap = { type: 'portmap', capabilities: { portMappings: true } };
  const bandwidth = { type: 'bandwidth', capabilities: { bandwidth: true } };
  const tuning = { type: 'tuning', sysctl: { 'net.core.somaxconn': '321' } };
  await configure('lan', [bridge, tuning, portmap, bandwidth]);
  const request: CniRequest = {
    ...eth0,
    bandwidth: { ingressRate: 1_000_000, ingressBurst: 1_000_000 },
    portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
  };
  const place = await namespace('a');
  const [attached] = await cni.attach(owner('a'), place, [request], never);
  expect(attached).toMatchObject({
    network: 'lan',
    addresses: [{ address: '10.83.0.2', prefixLength: 24, gateway: '10.83.0.1' }],
    routes: [{ to: '0.0.0.0/0', via: '10.83.0.1' }],
  });
  const inside = ['netns', 'exec', `${run}-a`];
  expect(await ip(...inside, 'cat', '/proc/sys/net/core/somaxconn')).toBe('321\n');
  expect(await ip('-n', `${run}-host`, '-d', 'link')).toContain('tbf');
  const rules = await ip('netns', 'exec', `${run}-host`, 'iptables', '-t', 'nat', '-S');
  expect(rules).toContain('--to-destination 10.83.0.2:80');
  expect(await ip(...inside, 'busybox', 'ping', '-c1', '-W2', '10.83.0.1')).toContain('1 packets');

  expect(await open().attach(owner('a'), place, [request], never)).toEqual([attached]);

  await cni.detach('a', never);
  expect(await ledger()).toEqual([]);
  expect(await reserved('lan')).toEqual([]);
  const left = await ip('netns', 'exec', `${run}-host`, 'iptables', '-t', 'nat', '-S');
  expect(left).not.toContain('10.83.0.2');
});

test('plugins that were content are heard when they are not any more, by whoever asks', async () => {
  await configure('lan', [bridge]);
  await recorder(['1.0.0']);
  await configure('grumble', [{ type: 'recorder' }]);
  await writeFile(join(directory, 'fail'), 'CHECK');
  const requests = [{ network: 'grumble', interface: 'net1' }, eth0];
  await cni.attach(owner('a'), await namespace('a'), requests, never);
  expect(await cni.check('a', never)).toBeUndefined();
  await ip('-n', `${run}-a`, 'address', 'flush', 'dev', 'eth0');
  expect(await open().check('a', never)).toMatch(/"bridge" failed to CHECK: .* on eth0$/);
  await cni.detach('a', never);
  expect(await cni.check('a', never)).toBeUndefined();
});

test('what was in a namespace that is gone is taken back, and made anew in the next one', async () => {
  await configure('lan', [bridge]);
  const place = await namespace('a');
  await cni.attach(owner('a'), place, [eth0], never);
  // As after a reboot, or when a sandbox has died.
  await ip('netns', 'delete', `${run}-a`);
  expect(await open().attachments('a')).toEqual([]);
  await namespace('a');
  expect(await cni.check('a', never)).toContain('is gone');
  const [attached] = await cni.attach(owner('a'), place, [eth0], never);
  expect(await reserved('lan')).toEqual([attached?.addresses[0]?.address]);
  await cni.detach('a', never);
});

test('networks are added and taken away until there are just those that are asked for', async () => {
  await configure('lan', [bridge]);
  const second = bridgeOf('cni1', '10.84.0.0/24');
  await configure('more', [{ ...second, ipam: { ...second.ipam, routes: [] } }]);
  const place = await namespace('a');
  const net1 = { network: 'more', interface: 'net1' };
  const [first] = await cni.attach(owner('a'), place, [eth0], never);
  expect(await cni.attach(owner('a'), place, [eth0, net1], never)).toMatchObject([
    first,
    { network: 'more', interface: 'net1' },
  ]);
  expect(await cni.attach(owner('a'), place, [{ interface: 'eth0' }], never)).toEqual([first]);
  expect(await reserved('more')).toEqual([]);
  await cni.detach('a', never);
});

test('what can be neither attached nor taken back is taken back later', async () => {
  const log = await recorder(['1.0.0']);
  await configure('lan', [bridge, { type: 'recorder' }]);
  const place = await namespace('a');
  await writeFile(join(directory, 'fail'), 'ADD\nDEL\n');
  await expect(cni.attach(owner('a'), place, [eth0], never)).rejects.toMatchObject({
    reason: 'StartFailed',
    message: 'network "lan": plugin "recorder" failed to ADD: not now; try later (code 11)',
  });
  expect(await ledger()).toHaveLength(1);
  expect(await reserved('lan')).toHaveLength(1);
  expect(await open().holders()).toEqual(['a']);
  await cni.tidy(never);
  expect(await reserved('lan')).toHaveLength(1);
  await rm(join(directory, 'fail'));
  await cni.tidy(never);
  expect(await ledger()).toEqual([]);
  expect(await reserved('lan')).toEqual([]);
  expect(await readFile(log, 'utf8')).toContain('K8S_POD_NAMESPACE=shop;K8S_POD_NAME=pod-a;');
});

test('after an agent that died while a network was attached the next one begins anew', async () => {
  const log = await recorder(['1.0.0']);
  await configure('lan', [bridge, { type: 'recorder' }]);
  const place = await namespace('a');
  await cni.attach(owner('a'), place, [eth0], never);
  // As it was before the last plugin answered.
  const [name = ''] = await ledger();
  const file = join(directory, 'ledger', name);
  const { result: _, ...halfMade } = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify(halfMade));
  await open().attach(owner('a'), place, [eth0], never);
  const calls = (await readFile(log, 'utf8')).match(/^(ADD|DEL) a/gm);
  expect(calls).toEqual(['ADD a', 'DEL a', 'ADD a']);
  // One is taken, and it is not the one that was given before.
  expect(await reserved('lan')).toEqual(['10.83.0.3']);
  await cni.detach('a', never);
});

test('plugins of 1.1.0 are told what is there, unless others use the network too', async () => {
  const log = await recorder(['1.0.0', '1.1.0']);
  const versions = { cniVersions: ['1.0.0', '1.1.0'] };
  await configure('lan', [{ type: 'recorder' }], versions);
  await configure('theirs', [{ type: 'recorder' }], { ...versions, disableGC: true });
  const requests = [eth0, { network: 'theirs', interface: 'net1' }];
  await cni.attach(owner('a'), await namespace('a'), requests, never);
  await cni.attach(owner('b'), await namespace('b'), [eth0], never);
  await cni.detach('b', never);
  await cni.collect(never);
  const lines = (await readFile(log, 'utf8')).split('\n').filter((each) => each.startsWith('GC'));
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]?.slice(lines[0].indexOf('{')) ?? '')).toMatchObject({
    name: 'lan',
    cniVersion: '1.1.0',
    'cni.dev/valid-attachments': [{ containerID: 'a', ifname: 'eth0' }],
  });
  const added = (await readFile(log, 'utf8')).split('\n')[0] ?? '';
  expect(added).toMatch(/^ADD a .*"cniVersion":"1.1.0"/);
});

test.each([
  [
    'no such network',
    { network: 'wan' },
    /no network "wan" is configured .*there is lan, new, odd/,
  ],
  [
    'no such plugin',
    { network: 'odd' },
    /needs the plugin "calico", which is not in .*: install it/,
  ],
  ['no such version', { network: 'new' }, /"bridge" .* does not know CNI 1.1.0, it knows 0.1.0/],
  ['no such capability', { network: 'lan', mac: '02:00:00:00:00:01' }, /capability "mac"/],
])('%s: said before anything is done', async (_, request, words) => {
  await configure('lan', [bridge]);
  await configure('new', [bridge], { cniVersion: '1.1.0' });
  await configure('odd', [{ type: 'calico' }]);
  await writeFile(join(directory, 'net.d', '00-broken.conf'), '{');
  const place = await namespace('a');
  const asked = [{ interface: 'eth0', ...request }];
  await expect(cni.attach(owner('a'), place, asked, never)).rejects.toMatchObject({
    reason: 'InvalidSpec',
    message: expect.stringMatching(words),
  });
  expect(await ledger()).toEqual([]);
});
