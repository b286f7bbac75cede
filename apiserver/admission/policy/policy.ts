/** Policies and their bindings as they are stored, read and compiled once per revision of each. */
import { asArray, asObject, asString, at, objectsOf } from '../../../api/json.ts';
import { fromLabelSelectorObject, type LabelSelector } from '../../../api/label-selector.ts';
import type { JsonObject } from '../../../api/meta.ts';
import {
  type Condition,
  compileCondition,
  compilePolicy,
  type PolicyTypes,
  type Program,
} from '../../cel/index.ts';
import { type Cached, metaString } from '../../storage/cached.ts';
import { type Concern, type HookRule, ruleOf } from '../webhooks/hook.ts';

export interface Policy {
  readonly name: string;
  readonly paramKind: { readonly apiVersion: string; readonly kind: string } | undefined;
  readonly concern: Matching;
  readonly conditions: readonly Condition[];
  readonly variables: ReadonlyMap<string, Program>;
  readonly validations: readonly Validation[];
  readonly annotations: readonly { readonly key: string; readonly program: Program }[];
  readonly failsClosed: boolean;
}

export interface Validation {
  readonly expression: string;
  readonly program: Program;
  readonly message: string;
  readonly messageProgram: Program | undefined;
  readonly reason: string;
}

export interface Matching extends Concern {
  readonly excluded: readonly HookRule[];
}

export interface Binding {
  readonly name: string;
  readonly policyName: string;
  readonly concern: Matching;
  readonly actions: readonly string[];
  readonly paramRef: ParamRef | undefined;
}

export interface ParamRef {
  readonly name: string;
  readonly namespace: string;
  readonly selector: LabelSelector;
  readonly allowsNone: boolean;
}

const policies = new WeakMap<Cached, Policy>();
const bindings = new WeakMap<Cached, Binding>();

export function policyOf(cached: Cached): Policy {
  const policy = policies.get(cached) ?? readPolicy(cached.object);
  policies.set(cached, policy);
  return policy;
}

export function bindingOf(cached: Cached): Binding {
  const binding = bindings.get(cached) ?? readBinding(cached.object);
  bindings.set(cached, binding);
  return binding;
}

/** What is stored has been validated: every expression compiles. */
function readPolicy(object: JsonObject): Policy {
  const spec = asObject(object['spec']) ?? {};
  const paramKind = asObject(spec['paramKind']);
  const variables = new Map<string, Program>();
  const types = (): PolicyTypes => ({
    hasParams: paramKind !== undefined,
    variables: new Map([...variables].map(([name, { type }]) => [name, type])),
  });
  const compiled = (expression: unknown): Program | undefined => {
    const result = compilePolicy(asString(expression as string).trim(), types(), []);
    return result.ok ? result.program : undefined;
  };
  for (const { name, expression } of objectsOf(spec['variables'])) {
    const program = compiled(expression);
    if (program !== undefined) variables.set(asString(name), program);
  }
  return {
    name: metaString(object, 'name'),
    paramKind: paramKind && {
      apiVersion: asString(paramKind['apiVersion']),
      kind: asString(paramKind['kind']),
    },
    concern: matchingOf(asObject(spec['matchConstraints'])),
    conditions: objectsOf(spec['matchConditions']).flatMap(({ name, expression }) => {
      const result = compileCondition(asString(expression).trim());
      return result.ok ? [{ name: asString(name), program: result.program }] : [];
    }),
    variables,
    validations: objectsOf(spec['validations']).flatMap((validation) => {
      const program = compiled(validation['expression']);
      if (program === undefined) return [];
      return [
        {
          expression: asString(validation['expression']).trim(),
          program,
          message: asString(validation['message']).trim(),
          messageProgram:
            validation['messageExpression'] === undefined
              ? undefined
              : compiled(validation['messageExpression']),
          reason: asString(validation['reason']) || 'Invalid',
        },
      ];
    }),
    annotations: objectsOf(spec['auditAnnotations']).flatMap(({ key, valueExpression }) => {
      const program = compiled(valueExpression);
      return program === undefined ? [] : [{ key: asString(key), program }];
    }),
    failsClosed: spec['failurePolicy'] !== 'Ignore',
  };
}

function readBinding(object: JsonObject): Binding {
  const ref = asObject(at(object, 'spec', 'paramRef'));
  return {
    name: metaString(object, 'name'),
    policyName: asString(at(object, 'spec', 'policyName')),
    concern: matchingOf(asObject(at(object, 'spec', 'matchResources'))),
    actions: asArray(at(object, 'spec', 'validationActions')).map(asString),
    paramRef: ref && {
      name: asString(ref['name']),
      namespace: asString(ref['namespace']),
      selector: fromLabelSelectorObject(asObject(ref['selector'])),
      allowsNone: ref['parameterNotFoundAction'] === 'Allow',
    },
  };
}

const everything: HookRule = {
  operations: ['*'],
  apiGroups: ['*'],
  apiVersions: ['*'],
  resources: ['*/*'],
  scope: '*',
  resourceNames: [],
};

function matchingOf(match: JsonObject = {}): Matching {
  const rules = objectsOf(match['resourceRules']).map(ruleOf);
  return {
    rules: rules.length === 0 ? [everything] : rules,
    excluded: objectsOf(match['excludeResourceRules']).map(ruleOf),
    equivalent: match['matchPolicy'] !== 'Exact',
    namespaceSelector: fromLabelSelectorObject(asObject(match['namespaceSelector']) ?? {}),
    objectSelector: fromLabelSelectorObject(asObject(match['objectSelector']) ?? {}),
  };
}
