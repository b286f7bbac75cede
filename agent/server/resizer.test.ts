import { expect, test } from 'vitest';
import { createResizer, type Size } from './resizer.ts';

const size = (columns: number): Size => ({ columns, rows: 24 });
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('the newest size is the last one applied, and what was overtaken is left out', async () => {
  const applied: number[] = [];
  const done: (() => void)[] = [];
  const resize = createResizer(
    ({ columns }) =>
      new Promise((resolve) => {
        done.push(() => {
          applied.push(columns);
          resolve();
        });
      }),
  );
  resize(size(81));
  resize(size(90));
  resize(size(80));
  expect(done).toHaveLength(1);
  done[0]!();
  await settled();
  done[1]!();
  await settled();
  expect(applied).toEqual([81, 80]);
});

test('a size that fails does not stop the next one', async () => {
  const tried: number[] = [];
  const resize = createResizer(({ columns }) => {
    tried.push(columns);
    return columns === 1 ? Promise.reject(new Error('not running yet')) : Promise.resolve();
  });
  resize(size(1));
  await settled();
  resize(size(2));
  await settled();
  expect(tried).toEqual([1, 2]);
});
