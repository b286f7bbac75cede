import packet from 'dns-packet';
import { expect, test } from 'vitest';
import { answerTo, askedFor, failureOf, fitting, readQuery } from './zone.ts';

const query = (name: string, type: packet.RecordType = 'A', more: Partial<packet.Packet> = {}) =>
  readQuery(
    packet.encode({
      type: 'query',
      id: 7,
      flags: packet.RECURSION_DESIRED,
      questions: [{ type, name }],
      ...more,
    }),
  )!;

const found = (...addresses: string[]) => ({ type: 'found', addresses }) as const;

test.each([
  ['web.default.berth', { type: 'name', namespace: 'default', name: 'web' }],
  ['WEB.Default.BERTH', { type: 'name', namespace: 'default', name: 'web' }],
  ['a.b.default.berth', { type: 'name', namespace: 'default', name: 'a.b' }],
  ['default.berth', { type: 'nothing' }],
  ['berth', { type: 'nothing' }],
  ['berth.dev', { type: 'foreign' }],
  ['web.default.berth.example.com', { type: 'foreign' }],
])('%s is %o', (name, asked) => {
  expect(askedFor(query(name))).toEqual(asked);
});

test('each address is in the answer to the type that it has', () => {
  const known = found('10.0.0.1', 'fd00::1');
  const four = packet.decode(answerTo(query('web.default.berth'), known));
  expect(four).toMatchObject({
    id: 7,
    rcode: 'NOERROR',
    flag_aa: true,
    flag_rd: true,
    answers: [{ type: 'A', name: 'web.default.berth', ttl: 5, data: '10.0.0.1' }],
  });
  const six = packet.decode(answerTo(query('web.default.berth', 'AAAA'), known));
  expect(six.answers).toMatchObject([{ type: 'AAAA', data: 'fd00::1' }]);
  const none = packet.decode(answerTo(query('web.default.berth', 'MX'), known));
  expect(none).toMatchObject({ rcode: 'NOERROR', answers: [] });
});

test('what is not there, and what nobody can tell, are two answers', () => {
  const of = (known: Parameters<typeof answerTo>[1]) =>
    packet.decode(answerTo(query('web.default.berth'), known)) as unknown;
  expect(of({ type: 'absent' })).toMatchObject({ rcode: 'NXDOMAIN' });
  expect(of({ type: 'unknown' })).toMatchObject({ rcode: 'SERVFAIL' });
  expect(packet.decode(failureOf(query('example.com')))).toMatchObject({ rcode: 'SERVFAIL' });
});

test('an answer that is too long for UDP says so, unless there is room for more', () => {
  const many = found(...Array.from({ length: 30 }, (_, index) => `10.0.0.${index}`));
  const plain = query('web.default.berth');
  const cut = packet.decode(fitting(plain, answerTo(plain, many)));
  expect(cut).toMatchObject({ flag_tc: true, answers: [] });
  const opt: packet.OptAnswer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: 4_096,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
  const roomy = query('web.default.berth', 'A', { additionals: [opt] });
  expect(packet.decode(fitting(roomy, answerTo(roomy, many))).answers).toHaveLength(30);
});

test('noise is no question', () => {
  expect(readQuery(Buffer.from('hello'))).toBeUndefined();
  expect(readQuery(packet.encode({ type: 'response', id: 1 }))).toBeUndefined();
});
