import { expect, test } from 'vitest';
import { answerTo, askingMac, type DhcpLease } from './message.ts';

const lease: DhcpLease = {
  mac: '02:be:0a:42:00:05',
  address: '10.66.0.5',
  prefixLength: 20,
  server: '10.66.0.1',
  gateway: '10.66.0.1',
  dns: ['10.66.0.1', 'fd00::1', '192.0.2.53'],
  hostname: 'db',
  domain: 'shop.berth',
};
const [discover, request, release, inform] = [1, 3, 7, 8];

interface Question {
  readonly kind: number;
  readonly ciaddr?: string;
  readonly options?: readonly (readonly [number, string])[];
}

const bytes = (address: string) => address.split('.').map(Number);

function question({ kind, ciaddr = '0.0.0.0', options = [] }: Question): Buffer {
  const message = Buffer.alloc(236);
  message.set([1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
  message.set(bytes(ciaddr), 12);
  message.set([0x02, 0xbe, 0x0a, 0x42, 0x00, 0x05], 28);
  const given = options.flatMap(([code, address]) => [code, 4, ...bytes(address)]);
  const cookie = [0x63, 0x82, 0x53, 0x63];
  return Buffer.concat([message, Buffer.from([...cookie, 53, 1, kind, 0, ...given, 255])]);
}

/** Type, address and options of an answer. */
function read(message: Buffer) {
  const options: Record<number, readonly number[]> = {};
  for (let at = 240; message[at] !== 255; at += 2 + message[at + 1]!) {
    options[message[at]!] = [...message.subarray(at + 2, at + 2 + message[at + 1]!)];
  }
  return { kind: options[53]?.[0], yours: [...message.subarray(16, 20)].join('.'), options };
}

test('who is known is offered its address, and all that belongs to it', () => {
  const asked = question({ kind: discover });
  expect(askingMac(asked)).toBe(lease.mac);
  const answer = answerTo(asked, lease);
  expect(answer?.to).toBeUndefined();
  expect(answer?.message.length).toBeGreaterThanOrEqual(300);
  expect([...answer!.message.subarray(0, 8)]).toEqual([2, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
  const { kind, yours, options } = read(answer!.message);
  expect([kind, yours]).toEqual([2, '10.66.0.5']);
  expect(options).toEqual({
    1: [255, 255, 240, 0],
    3: bytes('10.66.0.1'),
    6: [...bytes('10.66.0.1'), ...bytes('192.0.2.53')],
    12: [...Buffer.from('db')],
    15: [...Buffer.from('shop.berth')],
    51: [255, 255, 255, 255],
    53: [2],
    54: bytes('10.66.0.1'),
  });
});

test('it gets the address that it was offered, and no other', () => {
  const ask = (options: Question['options']) => {
    const answer = answerTo(question({ kind: request, ...(options && { options }) }), lease);
    return answer && read(answer.message).kind;
  };
  const server = [54, '10.66.0.1'] as const;
  expect(ask([[50, '10.66.0.5'], server])).toBe(5);
  // After a reboot, of what it had.
  expect(ask([[50, '10.66.0.5']])).toBe(5);
  expect(ask([[50, '10.66.0.6']])).toBe(6);
  expect(
    ask([
      [50, '10.66.0.5'],
      [54, '10.66.0.2'],
    ]),
  ).toBeUndefined();
});

test('who has its address is answered there', () => {
  const renewed = answerTo(question({ kind: request, ciaddr: '10.66.0.5' }), lease);
  expect(renewed?.to).toBe('10.66.0.5');
  expect(read(renewed!.message)).toMatchObject({ kind: 5, yours: '10.66.0.5' });
  const informed = answerTo(question({ kind: inform, ciaddr: '10.66.0.5' }), lease);
  expect(read(informed!.message)).toMatchObject({ kind: 5, yours: '0.0.0.0' });
  expect(read(informed!.message).options[51]).toBeUndefined();
  const moved = answerTo(question({ kind: request, ciaddr: '10.66.0.9' }), lease);
  expect(moved?.to).toBeUndefined();
  expect(read(moved!.message).kind).toBe(6);
});

test('what is no question, is relayed, or gives an address back, is not answered', () => {
  expect(answerTo(question({ kind: release }), lease)).toBeUndefined();
  const relayed = question({ kind: discover });
  relayed.set(bytes('10.66.0.2'), 24);
  const answers = question({ kind: discover });
  answers[0] = 2;
  const foreign = question({ kind: discover });
  foreign[236] = 0;
  for (const message of [relayed, answers, foreign, Buffer.from('short')])
    expect(askingMac(message)).toBeUndefined();
});

test('options that end too early are read as far as they go', () => {
  const cut = question({ kind: discover }).subarray(0, 242);
  expect(answerTo(cut, lease)).toBeUndefined();
});
