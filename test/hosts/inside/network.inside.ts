/** Addresses of pools on a host of its own: bridges, probes, and what joins them. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { DhcpServer } from '../../../agent/dhcp/dhcp-server.ts';
import { DnsServer } from '../../../agent/dns/dns-server.ts';
import { createForward } from '../../../agent/dns/forward.ts';
import { systemClock } from '../../../lib/clock.ts';
import { silentLog } from '../../../lib/log.ts';
import { macOfAddress, readLink } from '../../../runtime/network/ip.ts';
import { joinSegment } from '../../../runtime/network/join.ts';
import { mendRules } from '../../../runtime/network/mend-rules.ts';
import { ensureNameFallback } from '../../../runtime/network/name-fallback.ts';
import { ensureSegment } from '../../../runtime/network/segment.ts';
import type { InstanceNetwork } from '../../../runtime/runtime.ts';

const execute = promisify(execFile);
const ip = async (line: string) => (await execute('ip', line.split(' '))).stdout;
const never = { signal: new AbortController().signal };

const network = (address: string, more: Partial<InstanceNetwork> = {}): InstanceNetwork => ({
  pool: 'blue',
  bridge: 'berth0',
  address,
  prefixLength: 24,
  mac: macOfAddress(address),
  dns: [],
  ...more,
});

const cleanUp: string[] = [];
afterEach(async () => {
  for (const line of cleanUp.splice(0).reverse()) await ip(line).catch(() => undefined);
});

async function namespace(name: string): Promise<{ name: string }> {
  await ip(`netns add ${name}`);
  cleanUp.push(`netns delete ${name}`);
  return { name };
}

async function pings(from: string, to: string): Promise<boolean> {
  const args = ['netns', 'exec', from, 'busybox', 'ping', '-c1', '-W1', to];
  return await execute('ip', args).then(
    () => true,
    () => false,
  );
}

test('the bridge is made once, keeps its MAC, and is the gateway when nothing leads out of it', async () => {
  cleanUp.push('link delete berth0');
  const gateway = '10.66.0.1';
  const first = await ensureSegment(network('10.66.0.5', { gateway }), never);
  await joinSegment(network('10.66.0.5', { gateway }), await namespace('t1'), 't1', never);
  await joinSegment(network('10.66.0.6', { gateway }), await namespace('t2'), 't2', never);
  const now = await readLink('berth0', never);
  expect(now).toMatchObject({ mac: first.mac, isUp: true, addresses: ['10.66.0.1/24'] });
  expect(await ip('-n t1 route show default')).toContain('default via 10.66.0.1 dev eth0');
  expect(await ip('-n t1 link show eth0')).toContain('02:be:0a:42:00:05');
  expect(await pings('t1', '10.66.0.6')).toBe(true);
  expect(await pings('t2', gateway)).toBe(true);
});

test('who has its address keeps it as it is', async () => {
  cleanUp.push('link delete berth0');
  const there = await namespace('t1');
  await joinSegment(network('10.66.0.5'), there, 't1', never);
  const before = await ip('-n t1 -o link show eth0');
  await joinSegment(network('10.66.0.5'), there, 't1', never);
  expect(await ip('-n t1 -o link show eth0')).toBe(before);
  expect((await readLink('berth0', never))?.addresses).toEqual([]);
});

test('a half-made attachment is made whole', async () => {
  cleanUp.push('link delete berth0');
  const there = await namespace('t1');
  await joinSegment(network('10.66.0.5'), there, 't1', never);
  await ip('-n t1 address delete 10.66.0.5/24 dev eth0');
  await joinSegment(network('10.66.0.5'), there, 't1', never);
  expect(await ip('-n t1 address show eth0')).toContain('10.66.0.5/24');
});

test('an address that somebody answers for is refused, with the MAC of who does', async () => {
  cleanUp.push('link delete berth0');
  await joinSegment(network('10.66.0.5'), await namespace('t1'), 't1', never);
  const other = { ...network('10.66.0.5'), mac: '02:be:ff:ff:ff:ff' };
  await expect(joinSegment(other, await namespace('t2'), 't2', never)).rejects.toMatchObject({
    reason: 'AddressInUse',
    message: 'address 10.66.0.5 of pool "blue" is in use by 02:be:0a:42:00:05',
  });
  // Also by an earlier holder, which has the same MAC.
  const again = joinSegment(network('10.66.0.5'), { name: 't2' }, 't2', never);
  await expect(again).rejects.toMatchObject({
    message: expect.stringContaining('which an earlier holder has'),
  });
  expect(await ip('netns list')).not.toContain('berth-probe');
  expect(await ip('-n t2 link show')).not.toContain('eth0');
});

test('what is left of an earlier attachment of its own does not answer for the address', async () => {
  cleanUp.push('link delete berth0');
  await joinSegment(network('10.66.0.5'), await namespace('t1'), 't1', never);
  // Somebody keeps the namespace alive, though it has no name any more.
  const holder = spawn('nsenter', ['--net=/run/netns/t1', 'sleep', '60']);
  try {
    await once(holder, 'spawn');
    await vi.waitFor(async () => {
      const [held, own] = await Promise.all(
        [`/proc/${holder.pid}/ns/net`, '/run/netns/t1'].map((path) => stat(path)),
      );
      expect(held?.ino).toBe(own?.ino);
    });
    await ip('netns delete t1');
    await joinSegment(network('10.66.0.5'), await namespace('t1'), 't1', never);
    expect(await ip('-n t1 address show eth0')).toContain('10.66.0.5/24');
  } finally {
    holder.kill('SIGKILL');
  }
});

test('an uplink is put into the bridge, unless it is needed where it is', async () => {
  cleanUp.push('link delete berth0', 'link delete up0');
  await ip('link add up0 mtu 1400 type veth peer name up1');
  await joinSegment(network('10.66.0.5', { uplink: 'up0' }), await namespace('t1'), 't1', never);
  expect(await readLink('up0', never)).toMatchObject({ master: 'berth0', isUp: true });
  expect(await ip('-n t1 link show eth0')).toContain('mtu 1400');
  const gateway = '10.66.0.1';
  await ensureSegment(network('10.66.0.5', { uplink: 'up0', gateway }), never);
  expect((await readLink('berth0', never))?.addresses).toEqual([]);

  const refused = async (uplink: string) =>
    await ensureSegment(network('10.66.0.5', { uplink }), never);
  await expect(refused('nope')).rejects.toMatchObject({ reason: 'InvalidSpec' });
  await expect(refused('eth0')).rejects.toThrow('uplink "eth0" is in "br0" already');
  await ip('address add 192.0.2.1/24 dev up1');
  await expect(refused('up1')).rejects.toThrow('has addresses of this machine (192.0.2.1/24)');
});

test.each(['by Berth', 'by somebody else'])(
  'where Docker lets nothing be forwarded, a bridge that was made %s still joins its instances',
  async (maker) => {
    cleanUp.push('link delete berth0');
    if (maker !== 'by Berth') {
      await ip('link add berth0 type bridge');
      await ip('link set berth0 up');
    }
    const judge = '/proc/sys/net/bridge/bridge-nf-call-iptables';
    await writeFile(judge, '1');
    await execute('iptables', ['-w', '-P', 'FORWARD', 'DROP']);
    try {
      await joinSegment(network('10.66.0.5'), await namespace('t1'), 't1', never);
      await joinSegment(network('10.66.0.6'), await namespace('t2'), 't2', never);
      expect(await pings('t1', '10.66.0.6')).toBe(true);
      // It is this that would keep them apart.
      await execute('iptables', ['-w', '-F', 'FORWARD']);
      expect(await pings('t1', '10.66.0.6')).toBe(false);
      await mendRules(never);
      expect(await pings('t1', '10.66.0.6')).toBe(true);
    } finally {
      await execute('iptables', ['-w', '-P', 'FORWARD', 'ACCEPT']);
      await writeFile(judge, '0');
    }
  },
);

/** Answers every question with 192.0.2.7. */
const serveAnything = `
  const packet = require('dns-packet');
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (message, from) => {
    const { id, questions } = packet.decode(message);
    const answers = questions.map(({ name }) => ({ type: 'A', name, data: '192.0.2.7' }));
    const answer = packet.encode({ type: 'response', id, questions, answers });
    socket.send(answer, from.port, from.address);
  });
  socket.bind(53, () => console.log('ready'));
`;

test('while nobody answers names at an address, the server behind it does', async () => {
  cleanUp.push('link delete berth0');
  const gateway = '10.66.0.1';
  const client = await namespace('t1');
  const server = await namespace('t2');
  await joinSegment(network('10.66.0.5', { gateway }), client, 't1', never);
  await joinSegment(network('10.66.0.9', { gateway }), server, 't2', never);
  const inServer = ['netns', 'exec', 't2', process.execPath, '-e', serveAnything];
  const behind = spawn('ip', inServer, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(behind.stdout, 'data');
  const stop = new AbortController();
  const names = new DnsServer({
    find: async () => ({ type: 'found', addresses: ['192.0.2.1'] }),
    forward: createForward(),
    clock: systemClock,
    log: silentLog,
  });
  const ask = async (name: string) => {
    const args = ['netns', 'exec', 't1', 'busybox', 'nslookup', '-type=a', name, gateway];
    return await execute('ip', args).then(
      ({ stdout }) => stdout,
      (error) => `${error}${error.stdout}`,
    );
  };
  try {
    names.listenOn(gateway, () => ['10.66.0.9']);
    const running = names.run(stop);
    await expect.poll(() => names.portOf(gateway)).toBe(53);
    for (const _ of ['made', 'found as it is']) {
      await ensureNameFallback(gateway, '10.66.0.9', never);
    }
    expect(await ask('web.default.berth')).toContain('192.0.2.1');
    expect(await ask('world.example')).toContain('192.0.2.7');
    stop.abort();
    await running;
    expect(await ask('world.example')).toContain('192.0.2.7');
  } finally {
    stop.abort();
    behind.kill();
  }
});

/** Takes what it is given, and says it. */
const takeLease = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip address replace "$ip/$mask" dev "$interface"
echo "got $ip/$mask $router $dns $domain $hostname"
`;

test('a guest gets its own address by DHCP, and nobody else gets any', async () => {
  cleanUp.push('link delete berth0');
  const gateway = '10.66.0.1';
  const script = join(await mkdtemp(join(tmpdir(), 'berth-dhcp-')), 'take');
  await writeFile(script, takeLease, { mode: 0o755 });
  const known = network('10.66.0.5', { gateway });
  for (const [name, each] of [
    ['t1', known],
    ['t2', network('10.66.0.9', { gateway })],
  ] as const) {
    await joinSegment(each, await namespace(name), name, never);
    await execute('ip', ['-n', name, 'address', 'flush', 'dev', 'eth0']);
  }
  const ask = (name: string) => {
    const udhcpc = ['busybox', 'udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '3', '-T', '1'];
    return execute('ip', ['netns', 'exec', name, ...udhcpc, '-s', script]).then(
      ({ stdout }) => stdout.trim(),
      ({ code }) => `ended with ${code}`,
    );
  };
  const { mac, address, prefixLength } = known;
  const place = { mac, address, prefixLength, server: gateway, gateway };
  const stop = new AbortController();
  const server = new DhcpServer({ clock: systemClock, log: silentLog });
  const running = server.run(stop);
  try {
    server.setLeases([{ ...place, dns: [gateway], hostname: 'db', domain: 'shop.berth' }]);
    expect(await ask('t1')).toBe('got 10.66.0.5/24 10.66.0.1 10.66.0.1 shop.berth db');
    expect(await ask('t2')).toBe('ended with 1');
  } finally {
    stop.abort();
    await running;
  }
});
