import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { AdmissionChain } from './chain.ts';
import type { AdmissionPlugin, Attributes } from './plugin.ts';

/** Nothing else is looked at by the chain. */
function attributes(operation = 'CREATE'): Attributes {
  const reinvocation = { wanted: false, isSecond: false };
  return { operation, reinvocation } as unknown as Attributes; // The plugins below need no more.
}

/** Adds its name to `seen`. */
function marking(name: string, more: Partial<AdmissionPlugin> = {}): AdmissionPlugin {
  return {
    name,
    handles: () => true,
    mutate: (_attributes, object) => ({
      ...object,
      seen: `${object?.['seen'] ?? ''}${name}`,
    }),
    ...more,
  };
}

describe('AdmissionChain', () => {
  it('hands each plugin what the one before has made, and leaves what it was given', async () => {
    const chain = new AdmissionChain([marking('a'), marking('b')]);
    const object: JsonObject = { seen: '' };
    expect(await chain.mutate(attributes(), object)).toEqual({ seen: 'ab' });
    expect(object).toEqual({ seen: '' });
  });

  it('tells an object that stays from one that is changed', async () => {
    const idle = marking('a', { mutate: () => undefined });
    expect(await new AdmissionChain([idle]).mutate(attributes(), {})).toBeUndefined();
    expect(await new AdmissionChain([idle, marking('b')]).mutate(attributes(), {})).toEqual({
      seen: 'b',
    });
  });

  it('asks only plugins that handle the request', async () => {
    const refusing = marking('a', {
      handles: ({ operation }) => operation === 'DELETE',
      validate: () => {
        throw new Error('no');
      },
    });
    const chain = new AdmissionChain([refusing]);
    await chain.validate(attributes('CREATE'), {});
    await expect(chain.validate(attributes('DELETE'), undefined)).rejects.toThrow('no');
    expect([chain.handles(attributes('CREATE')), chain.handles(attributes('DELETE'))]).toEqual([
      false,
      true,
    ]);
  });

  it('asks all once more when one of them wants it, and never a third time', async () => {
    const wanting = marking('b', {
      mutate: ({ reinvocation }, object) => {
        reinvocation.wanted = true;
        return { ...object, seen: `${object?.['seen']}${reinvocation.isSecond ? 'B' : 'b'}` };
      },
    });
    const chain = new AdmissionChain([marking('a'), wanting]);
    expect(await chain.mutate(attributes(), { seen: '' })).toEqual({ seen: 'abaB' });
  });
});
