import { describe, expect, it } from 'vitest';
import { findKind, type Kind, selectKinds } from './kinds.ts';
import { inOrder, parseManifests } from './manifests.ts';
import { align, formatTable, type Table } from './table.ts';
import { readSelection } from './targets.ts';
import { parseExpectation } from './wait-for.ts';

function kind(fields: Partial<Kind> & Pick<Kind, 'resource' | 'kind'>): Kind {
  return {
    group: '',
    version: 'v1',
    namespaced: true,
    singular: fields.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    verbs: [],
    subresources: [],
    ...fields,
  };
}

const pods = kind({ resource: 'pods', kind: 'Pod', shortNames: ['po'], categories: ['all'] });
const events = kind({ resource: 'events', kind: 'Event', shortNames: ['ev'] });
const newEvents = kind({ resource: 'events', kind: 'Event', group: 'events.k8s.io' });
const workloads = kind({
  resource: 'workloads',
  kind: 'Workload',
  group: 'berth.dev',
  shortNames: ['wl'],
  categories: ['all'],
});
const kinds = [pods, events, newEvents, workloads];

describe('names of kinds', () => {
  it.each(['pods', 'pod', 'Pod', 'PO'])('%s is Pod', (name) => {
    expect(findKind(kinds, name)).toBe(pods);
  });

  it('take a group where the plain name is another kind', () => {
    expect(findKind(kinds, 'events')).toBe(events);
    expect(findKind(kinds, 'events.events.k8s.io')).toBe(newEvents);
    expect(findKind(kinds, 'events.v1.events.k8s.io')).toBe(newEvents);
    expect(findKind(kinds, 'pods.berth.dev')).toBeUndefined();
  });

  it('may be several, or a category, each kind once', () => {
    expect(selectKinds(kinds, 'wl,po,all')).toEqual([workloads, pods]);
  });

  it('fail with a remedy', () => {
    expect(() => selectKinds(kinds, 'ship')).toThrow(/no kind "ship".*CustomResourceDefinition/);
  });
});

describe('what a command line selects', () => {
  it('reads KIND NAME and KIND/NAME', () => {
    expect(readSelection(kinds, ['wl', 'a', 'b'])).toEqual({
      type: 'objects',
      targets: [
        { kind: workloads, name: 'a' },
        { kind: workloads, name: 'b' },
      ],
    });
    expect(readSelection(kinds, ['wl/a', 'pod/b'])).toMatchObject({
      targets: [{ name: 'a' }, { name: 'b' }],
    });
  });

  it('refuses names of several kinds, and half a name', () => {
    expect(() => readSelection(kinds, ['po,wl', 'a'])).toThrow(/for one kind only/);
    expect(() => readSelection(kinds, ['po/'])).toThrow(/does not name an object/);
    expect(() => readSelection(kinds, ['po/a', 'b'])).toThrow(/"b" does not name an object/);
  });
});

const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n';

describe('manifests', () => {
  it('are read as Kubernetes reads YAML', () => {
    const [manifest] = parseManifests(
      `${pod}spec: {mode: 0644, on: yes, time: 12:30:45, day: 2020-01-01, text: "yes"}\n`,
      'x.yaml',
    );
    expect(manifest?.object['spec']).toEqual({
      mode: 420,
      true: true,
      time: '12:30:45',
      day: '2020-01-01',
      text: 'yes',
    });
  });

  it('are many in one text, also as a List; empty documents count for nothing', () => {
    const list =
      'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A, metadata: {name: x}}\n';
    const found = parseManifests(`---\n${pod}---\n# nothing\n---\n${list}`, 'x.yaml');
    expect(found.map(({ object }) => object.kind)).toEqual(['Pod', 'A']);
    expect(found[1]?.source).toBe('x.yaml (document 3), item 1');
  });

  it.each([
    ['a: [', /x.yaml is not YAML/],
    ['just text', /is not an object/],
    ['kind: Pod', /lacks apiVersion/],
    ['apiVersion: v1', /lacks kind/],
    ['{apiVersion: v1, kind: Pod, metadata: {}}', /metadata.name is missing/],
    ['{apiVersion: v1, kind: Pod}', /metadata.name is missing/],
  ])('%j is refused with its place', (text, message) => {
    expect(() => parseManifests(text, 'x.yaml')).toThrow(message);
  });

  it('come in the order in which they need each other', () => {
    const kindsOf = (names: readonly string[]) =>
      names.map((name) => `apiVersion: v1\nkind: ${name}\nmetadata: {name: x}\n`).join('---\n');
    const text = kindsOf(['Ship', 'CustomResourceDefinition', 'Pod', 'Namespace']);
    expect(inOrder(parseManifests(text, 'x')).map(({ object }) => object.kind)).toEqual([
      'Namespace',
      'CustomResourceDefinition',
      'Ship',
      'Pod',
    ]);
  });
});

describe('tables', () => {
  const table: Table = {
    kind: 'Table',
    columnDefinitions: [{ name: 'Name' }, { name: 'Status' }, { name: 'IP', priority: 1 }],
    rows: [
      { cells: ['web', 'Running', '10.0.0.1'], object: { metadata: { namespace: 'a' } } },
      { cells: ['longer-name', null, ''], object: { metadata: { namespace: 'b' } } },
    ],
  };

  it('leave out what is only for wide output', () => {
    expect(formatTable(table, { wide: false, namespaces: false })).toEqual([
      'NAME          STATUS',
      'web           Running',
      'longer-name',
    ]);
  });

  it('show namespaces, prefixes and everything', () => {
    expect(formatTable(table, { wide: true, namespaces: true, prefix: 'pod/' })).toEqual([
      'NAMESPACE   NAME              STATUS    IP',
      'a           pod/web           Running   10.0.0.1',
      'b           pod/longer-name',
    ]);
  });

  it('do not let a cell speak to the terminal', () => {
    const evil = { ...table, rows: [{ cells: ['\u001b[31mred\nnext', 'x'] }] };
    const lines = formatTable(evil, { wide: false, namespaces: false, headers: false });
    expect(lines).toEqual([' [31mred next   x']);
  });

  it('keep their columns over the parts of a watch', () => {
    const widths: number[] = [];
    align([['a-long-name', 'x']], widths);
    expect(align([['b', 'y']], widths)).toEqual(['b             y']);
  });
});

describe('what is waited for', () => {
  const object = {
    metadata: { generation: 2 },
    status: {
      phase: 'Running',
      ready: 3,
      conditions: [
        { type: 'Available', status: 'True', observedGeneration: 2 },
        { type: 'Old', status: 'True', observedGeneration: 1 },
        { type: 'Ready', status: 'False' },
      ],
    },
  };

  it.each([
    ['condition=Available', true],
    ['condition=available', true],
    ['condition=Old', false],
    ['condition=Ready', false],
    ['condition=Ready=False', true],
    ['condition=Missing', false],
    ['delete', false],
    ['create', true],
    ['jsonpath={.status.phase}=Running', true],
    ['jsonpath={.status.phase}=Pending', false],
    ['jsonpath={.status.ready}=3', true],
    ['jsonpath=.status.phase', true],
    ['jsonpath={.status.conditions[?(@.type=="Ready")].status}=False', true],
    ['jsonpath={.status.nothing}', false],
  ])('%s: %s', (text, met) => {
    expect(parseExpectation(text).isMet(object)).toBe(met);
  });

  it('is met by absence only for delete', () => {
    expect(parseExpectation('delete').isMet(undefined)).toBe(true);
    for (const text of ['create', 'condition=Ready', 'jsonpath={.x}']) {
      expect(parseExpectation(text).isMet(undefined)).toBe(false);
    }
  });

  it('must be understood', () => {
    for (const text of ['', 'Ready', 'condition=', 'jsonpath={.a[}']) {
      expect(() => parseExpectation(text)).toThrow();
    }
  });
});
