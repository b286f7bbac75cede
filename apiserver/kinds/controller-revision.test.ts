import { expect, test } from 'vitest';
import { controllerRevisionStrategy } from './controller-revision.ts';

const of = (image: string, revision: number) => ({ data: { spec: { image } }, revision });
const errors = (...args: Parameters<NonNullable<typeof controllerRevisionStrategy.validate>>) =>
  controllerRevisionStrategy.validate?.(...args).map(({ field }) => field);

test('its number may change, its data may not', () => {
  expect(errors(of('a', 2), of('a', 1))).toEqual([]);
  expect(errors(of('b', 2), of('a', 1))).toEqual(['data']);
  expect(errors(of('a', -1), undefined)).toEqual(['revision']);
});
