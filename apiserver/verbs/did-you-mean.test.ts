import { expect, test } from 'vitest';
import type { Schema } from '../../api/schema.ts';
import { didYouMean } from './did-you-mean.ts';

const schema: Schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        replicas: { type: 'integer' },
        containers: {
          type: 'array',
          items: {
            type: 'object',
            properties: { image: { type: 'string' }, name: { type: 'string' } },
          },
        },
      },
    },
  },
};

test('names the nearest field, also inside of lists', () => {
  expect(didYouMean('spec.replica', schema)).toBe(' (did you mean "replicas"?)');
  expect(didYouMean('spec.containers[0].imagee', schema)).toBe(' (did you mean "image"?)');
  expect(didYouMean('spec.Replicas', schema)).toBe(' (did you mean "replicas"?)');
});

test('says nothing where nothing is near, or where no such place is', () => {
  expect(didYouMean('spec.colour', schema)).toBe('');
  expect(didYouMean('none.such.path', schema)).toBe('');
});
