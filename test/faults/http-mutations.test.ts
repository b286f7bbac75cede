import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { mutateBody } from './http-mutations.ts';
import { Dice } from './runs.ts';

test('the same seed makes the same bodies, whatever was made before', () => {
  const pod = { metadata: { name: 'a', labels: {} }, spec: { containers: [{ name: 'main' }] } };
  const made = () => {
    const dice = new Dice(7);
    const hash = createHash('sha256');
    for (let i = 0; i < 3_000; i += 1) hash.update(mutateBody(pod, 'application/json', dice));
    return hash.digest('hex');
  };
  expect(made()).toBe(made());
});
