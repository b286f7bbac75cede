import { expect, test } from 'vitest';
import type { TxnAnswer, TxnRequest } from './etcd-messages.ts';
import { EtcdReads } from './etcd-reads.ts';

const never = new AbortController().signal;
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** A sender that holds every request until it is answered: each key then has itself as its value. */
function setup() {
  const sent: { readonly keys: string[]; readonly answer: (error?: unknown) => void }[] = [];
  const reads = new EtcdReads(
    ({ success }: TxnRequest) =>
      new Promise<TxnAnswer>((resolve, reject) => {
        const keys = success.map((each) => (each.type === 'get' ? String(each.key) : ''));
        const found = keys.map((key) => {
          const bytes = Buffer.from(key);
          return { kv: { key: bytes, value: bytes, modRevision: 5n, createRevision: 5n } };
        });
        const answer = (error?: unknown) => {
          if (error !== undefined) reject(error);
          const responses = found.map((each, i) => (keys[i] === 'none' ? {} : each));
          resolve({ revision: 7n, succeeded: true, responses });
        };
        sent.push({ keys, answer });
      }),
  );
  const get = async (key: string, signal = never) => {
    const found = await reads.get(Buffer.from(key), signal);
    return found && String(found.value);
  };
  return { sent, get };
}

test('what is asked for in one turn goes together, what comes later does not', async () => {
  const { sent, get } = setup();
  const answers = ['a', 'none', 'a'].map((key) => get(key));
  expect(sent).toEqual([]);
  await nextTurn();
  const later = get('b');
  await nextTurn();
  expect(sent.map(({ keys }) => keys)).toEqual([['a', 'none', 'a'], ['b']]);
  sent[1]?.answer();
  expect(await later).toBe('b');
  sent[0]?.answer();
  expect(await Promise.all(answers)).toEqual(['a', undefined, 'a']);
});

test('many are divided', async () => {
  const { sent, get } = setup();
  const answers = Array.from({ length: 70 }, (_, i) => get(String(i)));
  await nextTurn();
  expect(sent.map(({ keys }) => keys.length)).toEqual([32, 32, 6]);
  for (const { answer } of sent) answer();
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 70 }, (_, i) => String(i)));
});

test('one that is given up holds nobody up; a failure is told to all', async () => {
  const { sent, get } = setup();
  const gone = new AbortController();
  const given = get('a', gone.signal);
  const [b, c] = [get('b'), get('c')];
  await nextTurn();
  gone.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  await expect(get('d', gone.signal)).rejects.toThrow('enough');
  sent[0]?.answer(new Error('no answer'));
  await expect(b).rejects.toThrow('no answer');
  await expect(c).rejects.toThrow('no answer');
});
