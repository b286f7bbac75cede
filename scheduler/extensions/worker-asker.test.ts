import { expect, test } from 'vitest';
import { workerAsker } from './worker-asker.ts';

const moduleOf = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`;
const question = { need: 2, nodes: [] };
const soon = () => AbortSignal.timeout(1_000);
const patient = new AbortController().signal;

test('a module answers from its own thread, with what could go over a wire', async () => {
  const asker = workerAsker(
    moduleOf(
      'export const allocate = async (asked) => ({ asked, at: new Date(0), gone: undefined });',
    ),
  );
  expect(await asker.ask(question, patient)).toEqual({
    asked: { protocol: 'berth.dev/dimension/v1', ...question },
    at: '1970-01-01T00:00:00.000Z',
  });
  await asker.close?.();
  await expect(asker.ask(question, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
});

test('one that never returns fails its questions alone, and is asked again in a new thread', async () => {
  const asker = workerAsker(
    moduleOf('export const allocate = ({ need }) => { while (need === 1); return need; };'),
  );
  const hanging = asker.ask({ ...question, need: 1 }, soon());
  const behind = asker.ask(question, patient);
  await expect(hanging).rejects.toThrow('timeout');
  await expect(behind).rejects.toThrow('timeout');
  expect(await asker.ask(question, patient)).toBe(2);
  await asker.close?.();
});

test('what is wrong with a module is told, and its end harms nobody', async () => {
  const wrong: readonly (readonly [string, string])[] = [
    ['export const other = 1;', 'exports no function "allocate"'],
    ['this is no module', 'Unexpected'],
    ['export const allocate = () => { throw new Error("no seats file"); };', 'no seats file'],
    ['export const allocate = () => process.exit(3);', 'thread ended'],
  ];
  for (const [source, why] of wrong) {
    const asker = workerAsker(moduleOf(source));
    await expect(asker.ask(question, patient)).rejects.toThrow(why);
    await asker.close?.();
  }
});
