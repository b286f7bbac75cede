import { expect, test } from 'vitest';
import { type DomainLabels, labelElement } from './domain-xml.ts';
import { domainUuid, labelsOf } from './machines.ts';

const labels: DomainLabels = {
  node: 'n1',
  instance: 'i1',
  namespace: 'default',
  name: 'db',
  container: 'vm',
  attempt: 0,
  image: '',
  startedAtMs: 1,
  ips: '',
  fixed: '',
};
const domain = (uuid: string) => ({ name: 'd', uuid, id: 1 });
const own = domainUuid('n1', 'i1');
const theirs = '00000000-0000-0000-0000-000000000001';

test('a domain is whose its labels say, and a copy of it is nobody’s', () => {
  expect(labelsOf(domain(own), labelElement(labels))).toEqual(labels);
  expect(labelsOf(domain(theirs), labelElement(labels))).toBeUndefined();
  const adopted = { ...labels, adopted: 'Manual', domain: theirs } as const;
  expect(labelsOf(domain(theirs), labelElement(adopted))).toEqual(adopted);
  expect(labelsOf(domain(own), labelElement(adopted))).toBeUndefined();
});
