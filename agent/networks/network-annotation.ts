/**
 * Which further networks a pod wants. Pure. Source: Network Plumbing Working Group, "Kubernetes Network
 * Custom Resource Definition De-facto Standard", section 4, and Multus.
 */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { CniBandwidth, CniPortMapping, CniRequest } from '../../runtime/cni/cni.ts';
import { ConfigError } from '../pod/config-error.ts';

export const networksAnnotation = 'k8s.v1.cni.cncf.io/networks';

/** More than anybody has; each is some programs to be run. */
const networksMax = 16;
const nameForm = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** As Linux names interfaces. */
const interfaceForm = /^[a-zA-Z0-9_.-]{1,15}$/;
const addressForm = /^[0-9a-fA-F.:]+(\/\d{1,3})?$/;
const macForm = /^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/;
const rates = ['ingressRate', 'ingressBurst', 'egressRate', 'egressBurst'] as const;
const known = ['name', 'interface', 'ips', 'mac', 'bandwidth', 'portMappings', 'cni-args'] as const;

/** `a,b@net1`, or a list in JSON. Throws `ConfigError` that names the annotation. */
export function parseNetworks(text: string): readonly CniRequest[] {
  const selections = /^\s*\[/.test(text) ? parseList(text) : parseWords(text);
  if (selections.length > networksMax) throw wrong(`names more than ${networksMax} networks`);
  const requests = selections.map((each, index) => ({ interface: `net${index + 1}`, ...each }));
  for (const [index, { interface: name }] of requests.entries()) {
    const other = requests.findIndex((each) => each.interface === name);
    if (other !== index) throw wrong(`gives the interface "${name}" to two networks`);
    if (name === 'lo' || name === 'eth0') {
      throw wrong(`interface "${name}" is the pod's own: choose another, such as "net1"`);
    }
  }
  return requests;
}

type Selection = Omit<CniRequest, 'interface'> & { readonly interface?: string };

function parseWords(text: string): readonly Selection[] {
  const words = text.split(',').map((each) => each.trim());
  return words
    .filter((each) => each !== '')
    .map((word) => {
      const [name = '', at, ...more] = word.split('@');
      if (more.length > 0) throw wrong(`"${word}" is not <network> or <network>@<interface>`);
      return { network: networkName(name), ...interfaceOf(at) };
    });
}

function parseList(text: string): readonly Selection[] {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue; // JSON it is, whatever stands in it.
  } catch (error) {
    throw wrong(`is no JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (!Array.isArray(value)) throw wrong('must be a list');
  return value.map(parseSelection);
}

function parseSelection(value: JsonValue, index: number): Selection {
  const where = `[${index}]`;
  if (!isObject(value)) throw wrong(`${where} must be an object with the name of a network`);
  const { namespace, ...own } = value;
  if (typeof namespace === 'string' && namespace !== '') throw wrong(noNamespace(namespace));
  const unknown = Object.keys(own).find((key) => !known.some((each) => each === key));
  if (unknown !== undefined) {
    throw wrong(`${where}.${unknown} is not supported: it takes ${known.join(', ')}`);
  }
  const { name, interface: at, ips, mac, bandwidth, portMappings, 'cni-args': args } = own;
  if (typeof name !== 'string') throw wrong(`${where}.name must be the name of a network`);
  if (at !== undefined && typeof at !== 'string') throw wrong(`${where}.interface must be a text`);
  if (mac !== undefined && !(typeof mac === 'string' && macForm.test(mac))) {
    throw wrong(`${where}.mac must be like "02:00:00:00:00:01"`);
  }
  if (args !== undefined && !isObject(args)) throw wrong(`${where}.cni-args must be an object`);
  return {
    network: networkName(name),
    ...interfaceOf(at),
    ...(ips === undefined ? {} : { ips: ipsOf(ips, where) }),
    ...(mac === undefined ? {} : { mac }),
    ...(bandwidth === undefined ? {} : { bandwidth: bandwidthOf(bandwidth, where) }),
    ...(portMappings === undefined ? {} : { portMappings: mappingsOf(portMappings, where) }),
    ...(args === undefined ? {} : { args }),
  };
}

export function networkName(name: string): string {
  const [namespace = '', ...rest] = name.trim().split('/');
  if (rest.length > 0) throw wrong(noNamespace(namespace));
  if (!nameForm.test(namespace)) throw wrong(`"${name}" is not the name of a network`);
  return namespace;
}

function noNamespace(namespace: string): string {
  return `names the namespace "${namespace}": networks are configured on the node and have none`;
}

function interfaceOf(name: string | undefined): { readonly interface?: string } {
  if (name === undefined || name === '') return {};
  if (interfaceForm.test(name) && name !== '.' && name !== '..') return { interface: name };
  throw wrong(`"${name}" is no name of an interface: at most 15 letters and digits`);
}

function ipsOf(value: JsonValue, where: string): readonly string[] {
  const list = Array.isArray(value) ? value : [];
  const ips = list.filter((each) => typeof each === 'string' && addressForm.test(each));
  if (ips.length === 0 || ips.length < list.length) {
    throw wrong(`${where}.ips must be a list of addresses, such as "10.1.0.5/24"`);
  }
  return ips.map(String);
}

function bandwidthOf(value: JsonValue, where: string): CniBandwidth {
  const entries = isObject(value) ? Object.entries(value) : [];
  const good = entries.every(
    ([key, each]) => rates.some((rate) => rate === key) && isWhole(each) && each > 0,
  );
  if (entries.length > 0 && good) return Object.fromEntries(entries);
  throw wrong(`${where}.bandwidth takes ${rates.join(', ')}, in bits a second and bits`);
}

function mappingsOf(value: JsonValue, where: string): readonly CniPortMapping[] {
  const list = Array.isArray(value) ? value : [undefined];
  return list.map((each: JsonValue | undefined) => {
    const { hostPort, containerPort, protocol = 'tcp', hostIP } = isObject(each) ? each : {};
    const words = typeof protocol === 'string' ? protocol.toLowerCase() : '';
    if (!isPort(hostPort) || !isPort(containerPort) || !['tcp', 'udp', 'sctp'].includes(words)) {
      throw wrong(`${where}.portMappings takes hostPort, containerPort, protocol and hostIP`);
    }
    const at = typeof hostIP === 'string' && hostIP !== '' ? { hostIP } : {};
    return { hostPort, containerPort, protocol: words, ...at };
  });
}

function isPort(value: JsonValue | undefined): value is number {
  return isWhole(value) && value >= 1 && value <= 65_535;
}

function isWhole(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(what: string): ConfigError {
  return new ConfigError(`annotation ${networksAnnotation} ${what}`);
}
