import { expect, test } from 'vitest';
import { missingIn } from './mend-rules.ts';
import type { PublishedPorts } from './publish.ts';
import type { Rule } from './rules.ts';

const masquerade: Rule = {
  table: 'nat',
  how: '-A',
  rule: ['POSTROUTING', '-s', '10.66.0.0/24', '!', '-o', 'br9', '-j', 'MASQUERADE'],
};
const published: PublishedPorts = {
  ...{ key: 'abc', ip: '10.66.0.5', bridge: 'br9', subnet: '10.66.0.0/24', keepSource: true },
  ports: [
    { containerPort: 80, protocol: 'TCP', hostPort: 8080 },
    { containerPort: 53, protocol: 'UDP', hostPort: 53 },
  ],
};
// As iptables-save 1.8.9 prints what `publishPorts` and `masquerade` have made.
const saved = `*filter
-A INPUT -d 127.0.0.0/8 -i br9 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A FORWARD -j BERTH-PORTS-F
-A BERTH-P-abc-F -d 10.66.0.5/32 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
-A BERTH-P-abc-F -d 10.66.0.5/32 -p udp -m udp --dport 53 -m conntrack --ctstate DNAT -j ACCEPT
-A BERTH-PORTS-F -j BERTH-P-abc-F
COMMIT
*nat
-A PREROUTING -m addrtype --dst-type LOCAL -j BERTH-PORTS
-A OUTPUT -m addrtype --dst-type LOCAL -j BERTH-PORTS
-A POSTROUTING -j BERTH-PORTS-B
-A POSTROUTING -s 10.66.0.0/24 ! -o br9 -j MASQUERADE
-A BERTH-P-abc -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.66.0.5:80
-A BERTH-P-abc -p udp -m udp --dport 53 -j DNAT --to-destination 10.66.0.5:53
-A BERTH-P-abc-B -s 127.0.0.0/8 -d 10.66.0.5/32 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE
-A BERTH-PORTS -j BERTH-P-abc
-A BERTH-PORTS-B -j BERTH-P-abc-B
COMMIT
`;

test('what is whole is left alone', () => {
  expect(missingIn(saved, [masquerade], [published])).toEqual({ rules: [], published: [] });
});

test.each(saved.split('\n').filter((line) => line.startsWith('-A') && !line.includes('abc-B -s')))(
  'it is seen that "%s" is gone',
  (line) => {
    const without = saved.replace(`${line}\n`, '');
    const { rules, published: ports } = missingIn(without, [masquerade], [published]);
    expect(rules.length + ports.length).toBe(1);
  },
);

test('of tables that were flushed everything is missing', () => {
  expect(missingIn('*nat\nCOMMIT\n', [masquerade], [published])).toEqual({
    rules: [masquerade],
    published: [published],
  });
});
