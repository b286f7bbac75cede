/** VM: what ties its fields together and no schema can say; graceful deletion, as a pod's. */
import { adoptAnnotation } from '../../api/adoption.ts';
import { asArray, asObject, asString, at, equal } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { isQuantity, parseBytes, parseMilli } from '../../api/quantity.ts';
import type { FieldError } from '../../api/status.ts';
import { parseCidr, parseIpv4 } from '../../lib/ipv4.ts';
import { duplicateValue, forbiddenField, invalidValue, required } from '../schema/field-error.ts';
import { nodeAffinityErrors } from './node-affinity.ts';
import { podAffinityErrors, topologySpreadErrors } from './pod-affinity.ts';
import { isAmount, negativeAmounts } from './pod-spec.ts';
import { validateProbes } from './probes.ts';
import { customStrategy, type Strategy } from './strategy.ts';

const defaultGraceSeconds = 60;

export const vmStrategy: Strategy = {
  ...customStrategy,
  plainWords: true,
  prepareForCreate(vm) {
    vm['status'] = { phase: 'Pending' };
  },
  validate(vm, old) {
    const spec = asObject(vm['spec']) ?? {};
    const before = old === undefined ? undefined : (asObject(old['spec']) ?? {});
    // What stands was judged when it was written, perhaps by other rules.
    if (before !== undefined && equal(spec, before)) return [];
    return [
      ...resourceErrors(spec),
      ...gpuErrors(spec, before),
      ...bootErrors(vm, spec),
      ...diskErrors(spec, before),
      ...seedErrors(spec),
      ...foreignDiskErrors(vm, before),
      ...interfaceErrors(spec),
      ...topologyErrors(spec),
      ...maximumErrors(spec),
      ...bindingErrors(spec, before),
      ...nodeAffinityErrors(spec, 'spec'),
      ...podAffinityErrors(spec, 'spec'),
      ...topologySpreadErrors(spec, 'spec'),
      ...priorityErrors(spec, before),
      ...validateProbes(spec, 'spec', false),
    ];
  },
  deletion(vm, graceSeconds) {
    const bound = asString(at(vm, 'spec', 'nodeName')) !== '';
    if (!bound || graceSeconds === 0) return { type: 'now' };
    const own = at(vm, 'spec', 'terminationGracePeriodSeconds');
    const seconds = graceSeconds ?? (typeof own === 'number' ? own : defaultGraceSeconds);
    return { type: 'graceful', seconds };
  },
};

function amountOf(spec: JsonObject, name: string): { value: string; field: string } | undefined {
  for (const list of ['requests', 'limits']) {
    const value = at(spec, 'resources', list, name);
    if (value !== undefined)
      return { value: String(value), field: `spec.resources.${list}.${name}` };
  }
  return undefined;
}

function resourceErrors(spec: JsonObject): FieldError[] {
  const memory = amountOf(spec, 'memory');
  if (memory === undefined) {
    return [required('spec.resources.requests.memory', 'say how much memory the guest has')];
  }
  const negative = negativeAmounts(spec, 'spec');
  if (negative.length > 0) return negative;
  const pages = positive(at(spec, 'memory', 'hugepages'), 'spec.memory.hugepages');
  return [...positive(memory.value, memory.field), ...pages];
}

function positive(value: JsonValue | undefined, field: string): FieldError[] {
  // What is no quantity is the schema's to tell.
  if (!isAmount(value) || parseBytes(value) > 0n) return [];
  return [invalidValue(field, value, 'must be greater than zero')];
}

/** A card is the guest's alone, and chosen with its node. */
function gpuErrors(spec: JsonObject, before: JsonObject | undefined): FieldError[] {
  const asked = amountOf(spec, 'berth.dev/gpu');
  const had = before === undefined ? undefined : amountOf(before, 'berth.dev/gpu');
  const { field = 'spec.resources.requests.berth.dev/gpu', value = '0' } = asked ?? {};
  // What is no quantity is the schema's to tell.
  if (!isQuantity(value)) return [];
  const isBound = asString(before?.['nodeName']) !== '';
  if (isBound && value !== (had?.value ?? '0')) {
    const why = 'GPUs are chosen with the node: delete the machine and make it anew';
    return [forbiddenField(field, why)];
  }
  if (parseMilli(value) % 1_000n === 0n) return [];
  return [invalidValue(field, value, 'a machine has whole GPUs')];
}

/** What was adopted may boot from what no VM can say. */
function isAdopted(vm: JsonObject): boolean {
  return at(vm, 'metadata', 'annotations', adoptAnnotation) !== undefined;
}

function bootErrors(vm: JsonObject, spec: JsonObject): FieldError[] {
  if (isAdopted(vm)) return [];
  if (spec['boot'] !== undefined || asArray(spec['disks']).length > 0) return [];
  return [required('spec.disks', 'name a disk to boot from, or a kernel in spec.boot')];
}

function diskErrors(spec: JsonObject, before: JsonObject | undefined): FieldError[] {
  const volumes = new Set<JsonValue | undefined>();
  return asArray(spec['disks']).flatMap((value, index) => {
    const disk = asObject(value) ?? {};
    const field = `spec.disks[${index}]`;
    const image = asObject(disk['image']);
    const errors: FieldError[] = [];
    const own = ['size', 'image'].filter((part) => disk[part] !== undefined);
    if (disk['volume'] !== undefined) {
      const why = 'not beside volume: the Volume has its size and what it holds';
      errors.push(...own.map((part) => forbiddenField(`${field}.${part}`, why)));
    } else if (own.length === 0 && disk['path'] === undefined) {
      const why = 'a disk without an image needs a size, or name a volume';
      errors.push(required(`${field}.size`, why));
    }
    if (image !== undefined) errors.push(...imageErrors(image, `${field}.image`));
    errors.push(...diskAmountErrors(disk, field));
    const volume = disk['volume'];
    if (volume !== undefined && volumes.has(volume))
      errors.push(duplicateValue(`${field}.volume`, volume));
    volumes.add(volume);
    const name = asString(disk['name']);
    const old = asArray(before?.['disks']).find((each) => at(asObject(each), 'name') === name);
    for (const part of old === undefined ? [] : ['image', 'volume', 'path']) {
      if (equal(at(asObject(old), part) ?? null, disk[part] ?? null)) continue;
      const why = 'what a disk was made from cannot be changed: give a new disk another name';
      errors.push(forbiddenField(`${field}.${part}`, why));
    }
    return errors;
  });
}

function diskAmountErrors(disk: JsonObject, field: string): FieldError[] {
  const rates = ['readBandwidth', 'writeBandwidth'].flatMap((rate) =>
    positive(at(disk, 'limits', rate), `${field}.limits.${rate}`),
  );
  return [...positive(disk['size'], `${field}.size`), ...rates];
}

/** What is attached to a machine is known by its name. */
function seedErrors(spec: JsonObject): FieldError[] {
  if (spec['cloudInit'] === undefined) return [];
  return asArray(spec['disks']).flatMap((disk, index) => {
    if (at(asObject(disk), 'name') !== 'cidata') return [];
    const why = 'cidata is the disk of cloud-init: give this one another name';
    return [forbiddenField(`spec.disks[${index}].name`, why)];
  });
}

/** Files of the node that are somebody else's: those that an adopted machine has, and no others. */
function foreignDiskErrors(vm: JsonObject, before: JsonObject | undefined): FieldError[] {
  return asArray(at(vm, 'spec', 'disks')).flatMap((value, index) => {
    const disk = asObject(value) ?? {};
    if (disk['path'] === undefined) return [];
    const field = `spec.disks[${index}].path`;
    const beside = ['image', 'volume'].find((part) => disk[part] !== undefined);
    if (beside !== undefined) return [forbiddenField(field, `not beside ${beside}`)];
    const name = asString(disk['name']);
    const isNew = !asArray(before?.['disks']).some((each) => at(asObject(each), 'name') === name);
    if (before === undefined ? isAdopted(vm) : !isNew) return [];
    const why = 'only of a machine that is adopted: name an image, which is copied, or a volume';
    return [forbiddenField(field, why)];
  });
}

function imageErrors(image: JsonObject, field: string): FieldError[] {
  const { path, url, checksum } = image;
  if ((path === undefined) === (url === undefined)) {
    return [required(field, 'name either a path on the node or a url')];
  }
  if (url !== undefined && checksum === undefined) {
    return [required(`${field}.checksum`, 'what is fetched must be known: sha256:<hex>')];
  }
  return [];
}

/** What a pool, or a network by CNI, says of an interface is not said a second time. */
function interfaceErrors(spec: JsonObject): FieldError[] {
  const seen = new Set<string>();
  const known = { address: new Set<string>(), mac: new Set<string>() };
  return asArray(spec['interfaces']).flatMap((value, index) => {
    const each = asObject(value) ?? {};
    const field = `spec.interfaces[${index}]`;
    const { pool, reservation, network } = each;
    if (pool === undefined && reservation === undefined) {
      const wrong = [...addressErrors(each, field), ...twiceErrors(each, field, known)];
      if (wrong.length > 0) return wrong;
    }
    if (network !== undefined) {
      return ['pool', 'reservation', 'bridge', 'gateway'].flatMap((name) =>
        each[name] === undefined
          ? []
          : [forbiddenField(`${field}.${name}`, 'the network says it: leave it out')],
      );
    }
    if (pool === undefined && reservation === undefined) return [];
    const errors = ['bridge', 'address', 'gateway', 'mac'].flatMap((name) =>
      each[name] === undefined
        ? []
        : [forbiddenField(`${field}.${name}`, 'the pool of its reservation says it: leave it out')],
    );
    if (reservation !== undefined && seen.has(asString(reservation)))
      errors.push(duplicateValue(`${field}.reservation`, reservation));
    seen.add(asString(reservation));
    return errors;
  });
}

/** An address stands for a MAC, and by that and its bridge an interface is known. */
function twiceErrors(
  each: JsonObject,
  field: string,
  known: Readonly<Record<'address' | 'mac', Set<string>>>,
): FieldError[] {
  return (['address', 'mac'] as const).flatMap((name) => {
    const value = asString(each[name]).split('/')[0] ?? '';
    if (value === '') return [];
    const key = [each['bridge'], each['network'], value].join(' ');
    if (known[name].has(key)) return [duplicateValue(`${field}.${name}`, each[name] ?? value)];
    known[name].add(key);
    return [];
  });
}

function addressErrors({ address, gateway, mac }: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (/^.[13579bdf]:/.test(asString(mac))) {
    const why =
      'is the MAC of a group: the second digit of one machine is even, as in 02:00:00:00:00:01';
    errors.push(invalidValue(`${field}.mac`, mac, why));
  }
  if (address !== undefined && parseCidr(asString(address)) === undefined) {
    const why = 'must be an IPv4 address with the length of its prefix, like 10.99.0.101/24';
    errors.push(invalidValue(`${field}.address`, address, why));
  }
  if (gateway !== undefined && parseIpv4(asString(gateway)) === undefined)
    errors.push(invalidValue(`${field}.gateway`, gateway, 'must be an IPv4 address'));
  return errors;
}

function topologyErrors(spec: JsonObject): FieldError[] {
  const cpu = asObject(spec['cpu']);
  const shape = ['sockets', 'cores', 'threads'].map((name) => cpu?.[name]);
  if (cpu === undefined || shape.every((each) => each === undefined)) return [];
  const total = shape.reduce<number>((product, each) => product * Number(each ?? 1), 1);
  const asked = amountOf(spec, 'cpu')?.value ?? '1';
  if (!isQuantity(asked)) return [];
  const cpus = Number((parseMilli(asked) + 999n) / 1_000n);
  const most = Number(cpu['max'] ?? cpus);
  if (total === most) return [];
  const why = `sockets, cores and threads come to ${total}, but there are ${most} CPUs`;
  return [invalidValue('spec.cpu', cpu, why)];
}

/** What it may grow to is no less than what it has. */
function maximumErrors(spec: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  const cpu = amountOf(spec, 'cpu')?.value ?? '1';
  const most = at(spec, 'cpu', 'max');
  if (typeof most === 'number' && isQuantity(cpu) && parseMilli(cpu) > BigInt(most) * 1_000n) {
    errors.push(invalidValue('spec.cpu.max', most, `must not be less than the ${cpu} CPUs it has`));
  }
  const memory = amountOf(spec, 'memory')?.value ?? '';
  const memoryMost = asString(at(spec, 'memory', 'max'));
  if (isQuantity(memory) && isQuantity(memoryMost) && parseBytes(memoryMost) < parseBytes(memory)) {
    const why = `must not be less than the ${memory} it has`;
    errors.push(invalidValue('spec.memory.max', memoryMost, why));
  }
  return errors;
}

function bindingErrors(spec: JsonObject, before: JsonObject | undefined): FieldError[] {
  const old = asString(before?.['nodeName']);
  if (old === '' || spec['nodeName'] === old) return [];
  const why = 'a machine stays on its node: delete it and make it anew to move it';
  return [forbiddenField('spec.nodeName', why)];
}

/** As a pod's: who was placed under one priority is not compared with others under another. */
function priorityErrors(spec: JsonObject, before: JsonObject | undefined): FieldError[] {
  if (before === undefined) return [];
  const why = 'a machine keeps the priority that it was made with: delete it and make it anew';
  return ['priorityClassName', 'priority', 'preemptionPolicy']
    .filter((field) => before[field] !== undefined && !equal(spec[field], before[field]))
    .map((field) => forbiddenField(`spec.${field}`, why));
}
