import { expect, test } from 'vitest';
import { EtcdGatherer } from './etcd-gather.ts';
import type { TxnAnswer, TxnRequest } from './etcd-messages.ts';
import { StoreError, type Txn } from './store.ts';

const never = new AbortController().signal;

/** A sender that holds every request until it is answered, and remembers what was in it. */
function setup() {
  const sent: { readonly names: string[]; readonly answer: (error?: unknown) => void }[] = [];
  const send = (request: TxnRequest) =>
    new Promise<TxnAnswer>((resolve, reject) => {
      const inner = request.success.flatMap((each) => (each.type === 'txn' ? each.txn : []));
      const all = inner.length > 0 ? inner : [request];
      const names = all.map(({ success: [one] }) => (one?.type === 'put' ? String(one.key) : ''));
      const one = { revision: 7n, succeeded: true, responses: [] };
      const answer = (error?: unknown) => {
        if (error !== undefined) reject(error);
        // etcd tells the revision of the whole alone.
        resolve({ ...one, responses: inner.map(() => ({ txn: { ...one, revision: 0n } })) });
      };
      sent.push({ names, answer });
    });
  const gatherer = new EtcdGatherer(send);
  const write = (key: string, more: Partial<Txn> = {}, signal = never) => {
    const then = [{ type: 'put', key, value: new Uint8Array(4) } as const];
    const txn = { compare: [], then, otherwise: [], sharesRevision: true, ...more };
    const success = [{ type: 'put', key: Buffer.from(key), value: Buffer.alloc(4) } as const];
    return gatherer.txn({ txn, request: { compare: [], success, failure: [] } }, signal);
  };
  return { sent, write };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const comparing = (key: string) => ({ compare: [{ key, modRevision: 0n }] });

test('what comes while one is under way goes together, in its turn', async () => {
  const { sent, write } = setup();
  const answers = ['a', 'b', 'c'].map((key) => write(key));
  expect(sent.map(({ names }) => names)).toEqual([['a']]);
  sent[0]?.answer();
  await settled();
  expect(sent[1]?.names).toEqual(['b', 'c']);
  sent[1]?.answer();
  const results = await Promise.all(answers);
  expect(results.map(({ succeeded, revision }) => [succeeded, revision])).toEqual([
    [true, 7n],
    [true, 7n],
    [true, 7n],
  ]);
});

test('what does not share, deletes, or has another branch goes alone and at once', async () => {
  const { sent, write } = setup();
  void write('a');
  void write('own', { sharesRevision: false });
  void write('gone', { then: [{ type: 'delete', key: 'gone' }] });
  void write('else', { otherwise: [{ type: 'get', key: 'x' }] });
  expect(sent.map(({ names }) => names)).toEqual([['a'], ['own'], ['gone'], ['else']]);
});

test('nobody goes with one whose keys it compares or writes', async () => {
  const { sent, write } = setup();
  void write('first');
  void write('x', comparing('x'));
  void write('x', comparing('x'));
  void write('y', comparing('x'));
  void write('z', comparing('q'));
  void write('q');
  sent[0]?.answer();
  await settled();
  expect(sent[1]?.names).toEqual(['x', 'z']);
  sent[1]?.answer();
  await settled();
  expect(sent[2]?.names).toEqual(['x', 'q']);
  sent[2]?.answer();
  await settled();
  expect(sent[3]?.names).toEqual(['y']);
});

test('one that is given up while it waits is not sent, and holds nobody up', async () => {
  const { sent, write } = setup();
  void write('a');
  const gone = new AbortController();
  const given = write('b', {}, gone.signal);
  void write('c');
  gone.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  sent[0]?.answer();
  await settled();
  expect(sent[1]?.names).toEqual(['c']);
});

test('a refusal that one of them may have caused is found out one by one; another is told to all', async () => {
  const { sent, write } = setup();
  void write('a');
  const [b, c] = [write('b'), write('c')];
  sent[0]?.answer();
  await settled();
  sent[1]?.answer(new StoreError('NoSpace', 'full'));
  await settled();
  expect(sent.slice(2).map(({ names }) => names)).toEqual([['b'], ['c']]);
  sent[2]?.answer();
  sent[3]?.answer(new StoreError('NoSpace', 'full'));
  await expect(b).resolves.toMatchObject({ succeeded: true });
  await expect(c).rejects.toMatchObject({ reason: 'NoSpace' });
  void write('d');
  const both = [write('e'), write('f')];
  sent[4]?.answer();
  await settled();
  sent[5]?.answer(new StoreError('Unavailable', 'nobody knows'));
  for (const each of both) await expect(each).rejects.toMatchObject({ reason: 'Unavailable' });
  expect(sent).toHaveLength(6);
});
