import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { ipAddressStrategy, ipPoolStrategy, ipReservationStrategy } from './ip-pool.ts';
import { podStrategy } from './pod.ts';
import type { Strategy } from './strategy.ts';
import { vmStrategy } from './vm.ts';
import { workloadStrategy } from './workload.ts';

function errors(strategy: Strategy, object: JsonObject, old?: JsonObject): string[] {
  return (strategy.validate?.(object, old) ?? []).map(
    ({ field, message }) => `${field}: ${message}`,
  );
}

const pool = (spec: JsonObject) => ({ spec: { cidr: '10.20.0.0/24', bridge: 'berth0', ...spec } });
const wrongPool = (spec: JsonObject, old?: JsonObject) =>
  errors(ipPoolStrategy, pool(spec), old === undefined ? undefined : pool(old));

test('a pool that is in order', () => {
  const ranges = [{ first: '10.20.0.10', last: '10.20.0.10' }];
  const exclude = ['10.20.0.7', '10.20.0.8/29', '10.20.0.0/16'];
  expect(wrongPool({ ranges, exclude, gateway: '10.20.0.1', dns: ['9.9.9.9'] })).toEqual([]);
});

test.each([
  [{ cidr: '10.20.0.7/24' }, /^spec\.cidr: .*has host bits set: say 10\.20\.0\.0\/24/],
  [{ cidr: '10.20.0.0' }, /^spec\.cidr: .*must be an IPv4 segment/],
  [{ cidr: '0.0.0.0/7' }, /^spec\.cidr: .*must be \/8 or smaller/],
  [{ cidr: 'fd00::/64' }, /^spec\.cidr: .*IPv6 is not supported yet/],
  [{ gateway: 'fd00::1' }, /^spec\.gateway: .*IPv6 is not supported yet/],
  [{ gateway: '10.21.0.1' }, /^spec\.gateway: .*is not within 10\.20\.0\.0\/24/],
  [{ dns: ['ns.example'] }, /^spec\.dns\[0\]: .*must be an IPv4 address/],
  [{ exclude: ['10.21.0.0/24'] }, /^spec\.exclude\[0\]: .*is not within/],
  [{ exclude: ['10.20.0.1-10.20.0.9'] }, /^spec\.exclude\[0\]: .*or a block of them/],
  [{ ranges: [{ first: '10.20.0.9', last: '10.20.0.8' }] }, /ranges\[0\]\.last: .*before first/],
  [{ ranges: [{ first: '10.20.1.9', last: '10.20.1.9' }] }, /ranges\[0\]\.first: .*not within/],
])('a pool that is not: %j', (spec, message) => {
  expect(wrongPool(spec)[0]).toMatch(message);
});

test('segment and bridge of a pool stay, its ranges need not', () => {
  expect(wrongPool({ exclude: ['10.20.0.7'] }, {})).toEqual([]);
  expect(wrongPool({ cidr: '10.21.0.0/24', bridge: 'br1' }, {})).toEqual([
    expect.stringMatching(/^spec\.cidr: .*immutable: make another pool/),
    expect.stringMatching(/^spec\.bridge: .*immutable/),
  ]);
});

test('what a reservation wants stays', () => {
  const spec = { pool: 'lan', address: '10.20.0.7' };
  expect(errors(ipReservationStrategy, { spec })).toEqual([]);
  expect(errors(ipReservationStrategy, { spec: { pool: 'lan', address: 'x' } })[0]).toMatch(
    /^spec\.address: .*must be an IPv4 address/,
  );
  const [first] = errors(ipReservationStrategy, { spec }, { spec: { pool: 'lan' } });
  expect(first).toMatch(/^spec\.address: .*immutable: make another reservation/);
  const kept = { spec: { ...spec, releasePolicy: 'WithHolder' } };
  expect(errors(ipReservationStrategy, kept, { spec })).toEqual([]);
});

test('the name of a claim says what it claims', () => {
  const reservation = { namespace: 'a', name: 'web', uid: 'u' };
  const spec = { pool: 'lan', address: '10.20.0.7', reservation };
  const named = (name: string) => ({ metadata: { name }, spec });
  expect(errors(ipAddressStrategy, named('lan.10-20-0-7'))).toEqual([]);
  expect(errors(ipAddressStrategy, named('lan.10-20-0-8'))[0]).toMatch(/must be lan\.10-20-0-7/);
  const other = {
    ...named('lan.10-20-0-7'),
    spec: { ...spec, reservation: { ...reservation, uid: 'v' } },
  };
  expect(errors(ipAddressStrategy, other, named('lan.10-20-0-7'))[0]).toMatch(/immutable/);
});

const containers = [{ name: 'c', image: 'x' }];
const annotations = (name: string) => ({ annotations: { 'berth.dev/ip-reservation': name } });

test('the annotation of a pod is a name, and stays', () => {
  const pod = (name: string, more: JsonObject = {}) => ({
    metadata: annotations(name),
    spec: { containers, ...more },
  });
  expect(errors(podStrategy, pod('web'))).toEqual([]);
  expect(errors(podStrategy, pod('Web_1'))[0]).toMatch(
    /^metadata\.annotations\[berth\.dev\/ip-reservation\]: .*RFC 1123 subdomain/,
  );
  expect(errors(podStrategy, pod('web', { hostNetwork: true }))[0]).toMatch(/leave one of the two/);
  expect(errors(podStrategy, pod('web'), pod('other'))[0]).toMatch(/may not be changed on a pod/);
});

test('addresses of a workload need names that stay', () => {
  const workload = (spec: JsonObject, template: JsonObject = {}) => ({
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' }, ...template }, spec: { containers } },
      addresses: { pool: 'lan' },
      ...spec,
    },
  });
  expect(errors(workloadStrategy, workload({ identity: 'Stable' }))).toEqual([]);
  expect(errors(workloadStrategy, workload({ identity: 'Ephemeral' }))[0]).toMatch(
    /^spec\.addresses: .*set identity to Stable/,
  );
  expect(errors(workloadStrategy, workload({ identity: 'Stable' }, annotations('x')))[0]).toMatch(
    /name one of the two/,
  );
});

test('an interface with a pool says nothing that the pool says', () => {
  const vm = (interfaces: JsonObject[]) => ({
    spec: { resources: { requests: { memory: '1Gi' } }, boot: { kernel: '/k' }, interfaces },
  });
  expect(errors(vmStrategy, vm([{ pool: 'lan' }, { pool: 'lan' }, { bridge: 'b' }]))).toEqual([]);
  expect(errors(vmStrategy, vm([{ pool: 'lan', bridge: 'b', mac: 'x' }]))).toHaveLength(2);
  expect(errors(vmStrategy, vm([{ reservation: 'a' }, { reservation: 'a' }]))[0]).toMatch(
    /^spec\.interfaces\[1\]\.reservation: Duplicate value/,
  );
});
