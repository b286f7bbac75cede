import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cycleFrom, reaches } from './graph.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const graphs = fc.uniqueArray(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names)), {
  maxLength: 14,
  selector: ([from, to]) => `${from}${to}`,
});
const edges = (graph: readonly (readonly [string, string])[]) => (name: string) =>
  graph.filter(([from]) => from === name).map(([, to]) => to);

test('a circle is told from where one stands', () => {
  const edgesOf = edges([
    ['a', 'b'],
    ['b', 'c'],
    ['c', 'a'],
    ['d', 'a'],
  ]);
  expect(cycleFrom('a', edgesOf)).toEqual(['a', 'b', 'c', 'a']);
  expect(cycleFrom('c', edgesOf)).toEqual(['c', 'a', 'b', 'c']);
  expect(cycleFrom('d', edgesOf)).toBeUndefined();
});

test('a path that is told is a path, and there is one exactly when a name reaches itself', () => {
  fc.assert(
    fc.property(graphs, fc.constantFrom(...names), (graph, start) => {
      const edgesOf = edges(graph);
      const path = cycleFrom(start, edgesOf);
      expect(path !== undefined).toBe(reaches(start, start, edgesOf));
      if (path === undefined) return;
      expect(path[0]).toBe(start);
      expect(path.at(-1)).toBe(start);
      for (const [i, name] of path.slice(0, -1).entries()) {
        expect(edgesOf(name)).toContain(path[i + 1]);
      }
      expect(new Set(path.slice(1)).size).toBe(path.length - 1);
    }),
  );
});

test('edges from low to high have no circle', () => {
  fc.assert(
    fc.property(graphs, fc.constantFrom(...names), (graph, start) => {
      const edgesOf = edges(graph.filter(([from, to]) => from < to));
      expect(cycleFrom(start, edgesOf)).toBeUndefined();
    }),
  );
});
