import { expect, test } from 'vitest';
import type { VM } from '../../api/kinds.gen.ts';
import { seedFiles } from './cloud-init.ts';

const vm = (spec: Partial<VM['spec']>): VM => ({
  apiVersion: 'berth.dev/v1',
  kind: 'VM',
  metadata: { name: 'db', uid: 'u1' },
  spec: { resources: {}, ...spec },
});
const files = (spec: Partial<VM['spec']>, macs: readonly string[] = []) =>
  Object.fromEntries(
    seedFiles(
      vm(spec),
      macs.map((mac) => ({ mac })),
    ).map(({ name, content }) => [name, Buffer.from(content).toString()]),
  );

test('the guest learns its name, and runs what it is given', () => {
  const found = files({ cloudInit: { userData: '#cloud-config\nruncmd: [ls]\n' } });
  expect(JSON.parse(found['meta-data']!)).toEqual({ 'instance-id': 'u1', 'local-hostname': 'db' });
  expect(found['user-data']).toBe('#cloud-config\nruncmd: [ls]\n');
  expect(found['network-config']).toBeUndefined();
});

test('the guest learns its addresses, by its MACs', () => {
  const interfaces = [{ address: '10.0.0.5/24', gateway: '10.0.0.1' }, {}];
  const network = JSON.parse(files({ interfaces }, ['02:a', '06:b'])['network-config']!);
  expect(network).toEqual({
    version: 2,
    ethernets: {
      nic0: {
        match: { macaddress: '02:a' },
        addresses: ['10.0.0.5/24'],
        routes: [{ to: '0.0.0.0/0', via: '10.0.0.1' }],
      },
      nic1: { match: { macaddress: '06:b' }, dhcp4: true },
    },
  });
});

test('what is said about the network counts more', () => {
  const cloudInit = { networkData: 'version: 1\n' };
  const found = files({ cloudInit, interfaces: [{ address: '10.0.0.5/24' }] });
  expect(found['network-config']).toBe('version: 1\n');
});

test('an address of a pool comes with its gateway and its servers of names', () => {
  const network = {
    pool: 'blue',
    bridge: 'berth0',
    address: '10.0.0.7',
    prefixLength: 24,
    gateway: '10.0.0.1',
    mac: '02:be:0a:00:00:07',
    dns: ['10.0.0.2'],
  };
  const seed = seedFiles(vm({ interfaces: [{ pool: 'blue' }] }), [{ mac: network.mac, network }]);
  const config = seed.find(({ name }) => name === 'network-config')!;
  expect(JSON.parse(Buffer.from(config.content).toString())).toEqual({
    version: 2,
    ethernets: {
      nic0: {
        match: { macaddress: '02:be:0a:00:00:07' },
        addresses: ['10.0.0.7/24'],
        routes: [{ to: '0.0.0.0/0', via: '10.0.0.1' }],
        nameservers: { addresses: ['10.0.0.2'] },
      },
    },
  });
});

test('what a network by CNI gives is set up in the guest, with its routes and its size of frames', () => {
  const attachment = {
    network: 'lan',
    interface: 'eth0',
    addresses: [
      { address: '10.1.0.5', prefixLength: 24, gateway: '10.1.0.1' },
      { address: 'fd00::5', prefixLength: 64 },
    ],
    mtu: 1_400,
    dns: { servers: ['10.1.0.53'], searches: [], options: [] },
    routes: [{ to: '0.0.0.0/0', via: '10.1.0.1' }, { to: '10.9.0.0/16' }],
    hostInterfaces: [],
  };
  const seed = seedFiles(vm({ interfaces: [{ network: 'lan' }] }), [{ mac: '02:a', attachment }]);
  const config = seed.find(({ name }) => name === 'network-config')!;
  expect(JSON.parse(Buffer.from(config.content).toString()).ethernets).toEqual({
    nic0: {
      match: { macaddress: '02:a' },
      addresses: ['10.1.0.5/24', 'fd00::5/64'],
      routes: [{ to: '0.0.0.0/0', via: '10.1.0.1' }],
      nameservers: { addresses: ['10.1.0.53'] },
      mtu: 1_400,
    },
  });
});
