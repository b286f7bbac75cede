import { describe, expect, test } from 'vitest';
import { type Asked, judge, type NodeFacts, signers, unsignable } from './judge.ts';

const facts = {
  commonName: 'system:node:n1',
  organizations: ['system:nodes'],
  dnsNames: [],
  addresses: [],
  others: [],
  keyId: 'mine',
};
const newcomer: Asked = {
  signerName: signers.nodeClient,
  usages: ['digital signature', 'client auth'],
  username: 'system:bootstrap:abcdef',
  groups: ['system:bootstrappers', 'system:authenticated'],
  facts,
};
const itself = { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };
const serving: Asked = {
  ...newcomer,
  ...itself,
  signerName: signers.nodeServing,
  usages: ['digital signature', 'server auth'],
  facts: { ...facts, dnsNames: ['n1'] },
};
const free: NodeFacts = { alive: false, recentKeyIds: [], reservedNames: ['localhost'] };

function verdict(asked: Asked, node: NodeFacts = free): string {
  const judgement = judge(asked, node);
  return judgement.type === 'leave' ? 'leave' : `${judgement.type} ${judgement.reason}`;
}

function about(more: Partial<Asked['facts']>, asked = newcomer): Asked {
  return { ...asked, facts: { ...asked.facts, ...more } };
}

describe('a machine with a bootstrap token', () => {
  test('gets a name that is free', () => {
    expect(verdict(newcomer)).toBe('approve AutoApproved');
  });

  test('gets no name of a living node, nor one that was given away a moment ago', () => {
    expect(verdict(newcomer, { ...free, alive: true })).toBe('deny NodeNameTaken');
    expect(verdict(newcomer, { ...free, recentKeyIds: ['other'] })).toBe('deny NodeNameTaken');
    expect(verdict(newcomer, { ...free, recentKeyIds: ['mine'] })).toBe('approve AutoApproved');
  });

  test('gets no name of the server', () => {
    expect(verdict(about({ commonName: 'system:node:localhost' }))).toBe('deny NodeNameReserved');
  });

  test('gets no serving certificate before it is the node', () => {
    expect(verdict({ ...serving, ...newcomer, ...pick(serving) })).toBe('deny NotTheNode');
  });

  test.each([
    ['a group more', { organizations: ['system:nodes', 'system:masters'] }],
    ['no group', { organizations: [] }],
    ['no node', { commonName: 'admin' }],
    ['a bad name', { commonName: 'system:node:N 1' }],
    ['hosts in a client certificate', { dnsNames: ['n1'] }],
    ['an address', { addresses: ['10.0.0.1'] }],
    ['an e-mail address', { others: ['email'] }],
  ])('is refused with %s', (_what, more) => {
    expect(verdict(about(more))).toBe('deny InvalidRequest');
  });

  test('is refused with a usage too many', () => {
    const usages = [...newcomer.usages, 'server auth'];
    expect(verdict({ ...newcomer, usages })).toBe('deny InvalidRequest');
  });
});

describe('a node', () => {
  test('renews its own certificates, alive as it is', () => {
    const alive = { ...free, alive: true };
    expect(verdict({ ...newcomer, ...itself }, alive)).toBe('approve AutoApproved');
    expect(verdict(serving, alive)).toBe('approve AutoApproved');
  });

  test("gets none of another node's, and no address or foreign name in a serving one", () => {
    const other = { commonName: 'system:node:n2' };
    expect(verdict(about(other, { ...newcomer, ...itself }))).toBe('leave');
    expect(verdict(about({ ...other, dnsNames: ['n2'] }, serving))).toBe('deny NotTheNode');
    expect(verdict(about({ addresses: ['10.0.0.1'] }, serving))).toBe('deny InvalidRequest');
    expect(verdict(about({ dnsNames: ['n1', 'localhost'] }, serving))).toBe('deny InvalidRequest');
  });
});

test('everything else is for a person, and some of it for nobody', () => {
  const client = { ...newcomer, signerName: signers.client };
  expect(verdict(client)).toBe('leave');
  expect(verdict({ ...newcomer, groups: ['devs'] })).toBe('leave');
  const alice = about({ commonName: 'alice', organizations: ['devs'] }, client);
  expect(unsignable(alice)).toBeUndefined();
  expect(unsignable(about({ organizations: ['system:masters'] }, alice))).toMatch(/system:masters/);
  expect(unsignable(about({ organizations: ['berth:apiserver'] }, alice))).toMatch(/apiserver/);
  expect(unsignable(about({ commonName: 'berth-apiserver' }, alice))).toMatch(/berth-apiserver/);
  expect(unsignable(about({ commonName: 'system:node:x' }, alice))).toMatch(/system:node:x/);
});

function pick({ signerName, usages, facts: named }: Asked) {
  return { signerName, usages, facts: named };
}
