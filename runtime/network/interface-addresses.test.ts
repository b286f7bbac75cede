import { expect, test } from 'vitest';
import { addressesIn, interfaceAddresses } from './interface-addresses.ts';

// As Linux 6 prints them; docker0 has no carrier.
const routes = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
`;
const trie = `Local:
  +-- 0.0.0.0/0 3 0 4
     +-- 172.17.0.0/16 2 0 2
        +-- 172.17.0.0/31 1 0 0
           |-- 172.17.0.0
              /16 link UNICAST
           |-- 172.17.0.1
              /32 host LOCAL
        |-- 172.17.255.255
           /32 link BROADCAST
     +-- 192.0.2.0/24 2 0 2
           |-- 192.0.2.2
              /32 host LOCAL
`;

test('the address of a bridge is known while nothing is plugged into it', () => {
  expect(addressesIn('docker0', routes, trie)).toEqual(['172.17.0.1']);
  expect(addressesIn('eth0', routes, trie)).toEqual(['192.0.2.2']);
  expect(addressesIn('br0', routes, trie)).toEqual([]);
});

test('an interface that is not there has none', () => {
  expect(interfaceAddresses('none0', '/nowhere')).toEqual([]);
});
