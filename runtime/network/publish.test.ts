import { expect, test } from 'vitest';
import { portRules } from './publish.ts';

const instance = { key: 'abc', ip: '10.66.0.5', bridge: 'berth0', subnet: '10.66.0.0/24' };
const linesOf = (rules: string, chain: string) =>
  rules.split('\n').filter((line) => line.startsWith(`-A ${chain} `));

test('each port leads to the instance, at the address that was asked for', () => {
  const rules = portRules({
    ...{ ...instance, keepSource: true },
    ports: [
      { containerPort: 80, protocol: 'TCP', hostPort: 8080 },
      { containerPort: 53, protocol: 'UDP', hostPort: 53, hostIp: '192.0.2.1' },
      { containerPort: 81, protocol: 'TCP', hostPort: 8081, hostIp: '0.0.0.0' },
    ],
  });
  expect(linesOf(rules, 'BERTH-P-abc')).toEqual([
    '-A BERTH-P-abc -p tcp --dport 8080 -j DNAT --to-destination 10.66.0.5:80',
    '-A BERTH-P-abc -d 192.0.2.1/32 -p udp --dport 53 -j DNAT --to-destination 10.66.0.5:53',
    '-A BERTH-P-abc -p tcp --dport 8081 -j DNAT --to-destination 10.66.0.5:81',
  ]);
  expect(linesOf(rules, 'BERTH-P-abc-F')).toHaveLength(3);
});

test('who asks stays known, but where the answer would go past this machine', () => {
  const ports = [{ containerPort: 80, protocol: 'TCP', hostPort: 8080 }] as const;
  const back = (keepSource: boolean) =>
    linesOf(portRules({ ...instance, keepSource, ports }), 'BERTH-P-abc-B');
  const there = '-d 10.66.0.5/32 -p tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE';
  expect(back(true)).toEqual([
    `-A BERTH-P-abc-B -s 127.0.0.0/8 ${there}`,
    `-A BERTH-P-abc-B -s 10.66.0.0/24 ${there}`,
  ]);
  expect(back(false)).toEqual([`-A BERTH-P-abc-B ${there}`]);
});
