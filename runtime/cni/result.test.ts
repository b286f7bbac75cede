import { expect, test } from 'vitest';
import { attachmentOf, readFailure, readResult, readSupportedVersions } from './result.ts';

const bridged = {
  cniVersion: '1.0.0',
  interfaces: [
    { name: 'cni0', mac: '0a:00:00:00:00:01' },
    { name: 'veth1', mac: '0a:00:00:00:00:02' },
    { name: 'eth0', mac: '0a:00:00:00:00:03', mtu: 1400, sandbox: '/run/netns/a' },
  ],
  ips: [
    { address: '10.1.0.5/24', gateway: '10.1.0.1', interface: 2 },
    { address: 'fd00::5/64', gateway: 'fd00::1', interface: 2 },
    { address: '192.0.2.1/24', interface: 0 },
  ],
  routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }, { dst: '10.9.0.0/16', gw: '10.1.0.9' }],
  dns: { nameservers: ['10.1.0.53'], domain: 'lan.example', options: ['ndots:5'] },
};

test('of a result the addresses of the interface inside are taken, with what is reached by them', () => {
  expect(attachmentOf('lan', 'eth0', bridged)).toEqual({
    network: 'lan',
    interface: 'eth0',
    addresses: [
      { address: '10.1.0.5', prefixLength: 24, gateway: '10.1.0.1' },
      { address: 'fd00::5', prefixLength: 64, gateway: 'fd00::1' },
    ],
    mac: '0a:00:00:00:00:03',
    mtu: 1400,
    dns: { servers: ['10.1.0.53'], searches: ['lan.example'], options: ['ndots:5'] },
    routes: [
      { to: '0.0.0.0/0', via: '10.1.0.1' },
      { to: '::/0', via: 'fd00::1' },
      { to: '10.9.0.0/16', via: '10.1.0.9' },
    ],
    hostInterfaces: ['cni0', 'veth1'],
  });
});

test('results of 0.3.1, and ones that say little, are read as far as they go', () => {
  const old = {
    cniVersion: '0.3.1',
    ips: [{ version: '4', address: '10.2.0.7/16', gateway: '10.2.0.1' }],
    dns: {},
  };
  expect(attachmentOf('old', 'net1', old)).toMatchObject({
    addresses: [{ address: '10.2.0.7', prefixLength: 16, gateway: '10.2.0.1' }],
    hostInterfaces: [],
  });
  expect(attachmentOf('l2', 'net1', {})).toMatchObject({ addresses: [], routes: [] });
});

test('the words of a failure are its message with its details', () => {
  const text = JSON.stringify({ cniVersion: '1.0.0', code: 11, msg: 'busy', details: 'pool full' });
  expect(readFailure(text)).toEqual({ message: 'busy; pool full', code: 11 });
  expect(readFailure('{"code":7,"msg":"bad"}')).toEqual({ message: 'bad', code: 7 });
  expect(readFailure('panic: nil')).toBeUndefined();
  expect(readResult('[]')).toBeUndefined();
  expect(readSupportedVersions('{"supportedVersions":["0.4.0",1]}')).toEqual(['0.4.0']);
  expect(readSupportedVersions('')).toEqual([]);
});
