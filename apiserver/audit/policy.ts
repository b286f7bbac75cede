/** Which requests are recorded, and how much of them: the Policy of audit.k8s.io/v1. Pure. */

/** From nothing to everything; each holds what the one before holds. */
export const auditLevels = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type AuditLevel = (typeof auditLevels)[number];

export const auditStages = [
  'RequestReceived',
  'ResponseStarted',
  'ResponseComplete',
  'Panic',
] as const;
export type AuditStage = (typeof auditStages)[number];

export interface AuditRule {
  readonly level: AuditLevel;
  /** Absent or empty fields hold for everything. */
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly GroupResources[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

export interface GroupResources {
  readonly group?: string;
  /** `pods`, `pods/log`, `pods/*`, `*`, or, like `*`, any subresource `*` + `/status`. */
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface AuditPolicy {
  readonly rules: readonly AuditRule[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

/** What of a request decides. */
export interface Audited {
  readonly user: { readonly name: string; readonly groups: readonly string[] };
  readonly verb: string;
  readonly isResource: boolean;
  readonly path: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

export interface AuditDecision {
  readonly level: AuditLevel;
  /** Neither bodies nor what errors say of them may be recorded. */
  readonly secretive: boolean;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

/** The first rule that fits decides; none = nothing is recorded. */
export function decide(policy: AuditPolicy, audited: Audited): AuditDecision {
  const rule = policy.rules.find((each) => fits(each, audited));
  const level = rule?.level ?? 'None';
  const hidden = isSecretive(audited);
  return {
    level: level !== 'None' && hidden ? 'Metadata' : level,
    secretive: hidden,
    omitStages: new Set([...(policy.omitStages ?? []), ...(rule?.omitStages ?? [])]),
    omitManagedFields: rule?.omitManagedFields ?? policy.omitManagedFields ?? false,
  };
}

/** Whose bodies hold secrets: never more than metadata is recorded of them, whatever the policy says. */
const secretKinds = new Set([
  'secrets',
  'serviceaccounts/token',
  'tokenreviews.authentication.k8s.io',
]);

function isSecretive({ group, resource, subresource }: Audited): boolean {
  const kind = group === '' ? resource : `${resource}.${group}`;
  return secretKinds.has(kind) || secretKinds.has(`${kind}/${subresource}`);
}

function fits(rule: AuditRule, audited: Audited): boolean {
  const { user, verb, isResource } = audited;
  if (filled(rule.users) && !rule.users.includes(user.name)) return false;
  if (filled(rule.userGroups) && !rule.userGroups.some((each) => user.groups.includes(each)))
    return false;
  if (filled(rule.verbs) && !rule.verbs.includes('*') && !rule.verbs.includes(verb)) return false;
  if (filled(rule.namespaces) || filled(rule.resources))
    return isResource && fitsResource(rule, audited);
  if (filled(rule.nonResourceURLs))
    return !isResource && rule.nonResourceURLs.some((url) => fitsPath(url, audited.path));
  return true;
}

function fitsResource(rule: AuditRule, audited: Audited): boolean {
  const { namespace, group, name } = audited;
  if (filled(rule.namespaces) && !rule.namespaces.includes(namespace)) return false;
  if (!filled(rule.resources)) return true;
  return rule.resources.some((each) => {
    if ((each.group ?? '') !== group) return false;
    if (!filled(each.resources)) return true;
    if (filled(each.resourceNames) && !each.resourceNames.includes(name)) return false;
    return each.resources.some((pattern) => fitsPattern(pattern, audited));
  });
}

function fitsPattern(pattern: string, { resource, subresource }: Audited): boolean {
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  if (pattern === '*' || pattern === whole) return true;
  if (subresource === '') return false;
  return pattern === `${resource}/*` || pattern === `*/${subresource}`;
}

function fitsPath(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true;
  return pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1));
}

function filled<T>(list: readonly T[] | undefined): list is readonly T[] {
  return list !== undefined && list.length > 0;
}

/** Reads what a policy file holds; throws a `TypeError` that names the field and the remedy. */
export function readPolicy(value: unknown): AuditPolicy {
  const policy = record(value, 'the policy');
  if (policy['kind'] !== 'Policy' || policy['apiVersion'] !== 'audit.k8s.io/v1')
    throw new TypeError('apiVersion and kind must be audit.k8s.io/v1 and Policy');
  const rules = policy['rules'];
  if (!Array.isArray(rules) || rules.length === 0)
    throw new TypeError('rules: at least one is needed, such as {level: Metadata}');
  known(policy, ['apiVersion', 'kind', 'metadata', 'rules', 'omitStages', 'omitManagedFields'], '');
  rules.forEach((rule, index) => {
    checkRule(record(rule, `rules[${index}]`), `rules[${index}]`);
  });
  checkList(policy['omitStages'], 'omitStages', auditStages);
  return policy as unknown as AuditPolicy; // Checked field by field above.
}

const lists = ['users', 'userGroups', 'verbs', 'namespaces', 'nonResourceURLs'];

function checkRule(rule: Readonly<Record<string, unknown>>, at: string): void {
  known(rule, ['level', 'resources', 'omitStages', 'omitManagedFields', ...lists], `${at}.`);
  if (!auditLevels.some((level) => level === rule['level']))
    throw new TypeError(`${at}.level: must be one of ${auditLevels.join(', ')}`);
  for (const name of lists) checkList(rule[name], `${at}.${name}`);
  checkList(rule['omitStages'], `${at}.omitStages`, auditStages);
  const resources = rule['resources'] ?? [];
  if (!Array.isArray(resources)) throw new TypeError(`${at}.resources: must be a list`);
  resources.forEach((each, index) => {
    const where = `${at}.resources[${index}]`;
    const group = record(each, where);
    known(group, ['group', 'resources', 'resourceNames'], `${where}.`);
    checkList(group['resources'], `${where}.resources`);
    checkList(group['resourceNames'], `${where}.resourceNames`);
  });
  if (resources.length > 0 && filled(rule['nonResourceURLs'] as readonly string[] | undefined))
    throw new TypeError(`${at}: resources and nonResourceURLs cannot both be set`);
}

function known(
  from: Readonly<Record<string, unknown>>,
  names: readonly string[],
  at: string,
): void {
  const odd = Object.keys(from).find((name) => !names.includes(name));
  if (odd !== undefined)
    throw new TypeError(`${at}${odd}: unknown field; there are ${names.join(', ')}`);
}

function checkList(value: unknown, at: string, allowed?: readonly string[]): void {
  if (value === undefined) return;
  if (!Array.isArray(value) || value.some((each) => typeof each !== 'string'))
    throw new TypeError(`${at}: must be a list of texts`);
  const odd = allowed === undefined ? undefined : value.find((each) => !allowed.includes(each));
  if (odd !== undefined)
    throw new TypeError(`${at}: "${odd}" must be one of ${allowed?.join(', ')}`);
}

function record(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>; // Narrowed by the check.
  throw new TypeError(`${at}: must be an object`);
}
