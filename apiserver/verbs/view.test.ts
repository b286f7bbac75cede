import { expect, test } from 'vitest';
import { plainStrategy } from '../kinds/strategy.ts';
import { servedKinds } from '../registry/served-kind.ts';
import { fromObject } from '../storage/cached.ts';
import { bytesOf } from './view.ts';

test.each([true, false])(
  'what is kept of an object keeps nothing else (builtin: %s)',
  (builtin) => {
    const [kind] = servedKinds({
      builtin,
      metadataSchema: {},
      strategy: plainStrategy,
      definition: {
        group: 'g',
        scope: 'Namespaced',
        names: { plural: 'widgets', kind: 'Widget' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object' } },
          },
        ],
      },
    });
    for (const length of [10, 10_000]) {
      const metadata = { name: 'x'.repeat(length) };
      const object = { apiVersion: 'g/v1', kind: 'Widget', metadata };
      const bytes = bytesOf(fromObject('g/widgets/a/x', object, 1n), kind!);
      expect(JSON.parse(Buffer.from(bytes).toString()).metadata.name).toHaveLength(length);
      expect(bytes.buffer.byteLength).toBe(bytes.length);
    }
  },
);
