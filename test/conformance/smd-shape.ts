/** Schemas of structured-merge-diff, as its own tests write them, turned into our shapes. */
import { deduced, type ListShape, type MapShape, type Shape } from '../../apiserver/apply/shape.ts';
import { parseYaml } from '../../apiserver/wire/yaml.ts';
import type { Json } from './json-path.ts';

/** Finds the shape of a named type; the same name gives the same shape. */
export type ShapeByName = (typeName: string) => Shape;

/** Reads a schema as written in YAML. */
export function smdShapes(schema: string): ShapeByName {
  const types = (parseYaml(schema).value as Json)?.types ?? [];
  const atoms = new Map<string, Json>(types.map((type: Json) => [type.name, type]));
  const shapes = new Map<string, Shape>();
  const inlined = new WeakMap<object, Shape>();

  function named(name: string, relationship = ''): Shape {
    if (name === '__untyped_deduced_' && relationship === '') return deduced;
    const key = `${name} ${relationship}`;
    const known = shapes.get(key);
    if (known !== undefined) return known;
    const atom = atoms.get(name);
    if (atom === undefined) return {};
    const shape = build(relationship === '' ? atom : overridden(atom, relationship));
    shapes.set(key, shape);
    return shape;
  }

  function refer(type: Json): Shape {
    if (type?.namedType !== undefined) return named(type.namedType, type.elementRelationship);
    if (type === undefined || type === null) return {};
    const known = inlined.get(type);
    if (known !== undefined) return known;
    const { elementRelationship = '' } = type;
    const shape = build(elementRelationship === '' ? type : overridden(type, elementRelationship));
    inlined.set(type, shape);
    return shape;
  }

  function build({ scalar, list, map }: Json): Shape {
    return {
      ...(scalar === undefined ? {} : { scalar }),
      ...(list === undefined ? {} : { list: listOf(list) }),
      ...(map === undefined ? {} : { map: mapOf(map) }),
    };
  }

  function listOf({ elementType, elementRelationship, keys = [] }: Json): ListShape {
    const keyed = keys.length > 0 ? 'map' : 'set';
    const merge = elementRelationship === 'associative' ? keyed : 'atomic';
    return { merge, keys, item: () => refer(elementType) };
  }

  function mapOf({ fields = [], elementType, elementRelationship }: Json): MapShape {
    const byName = new Map<string, Json>(fields.map((field: Json) => [field.name, field]));
    const other = () => (elementType === undefined ? undefined : refer(elementType));
    return {
      atomic: elementRelationship === 'atomic',
      has: (name) => byName.has(name),
      child: (name) => {
        const field = byName.get(name);
        return field === undefined ? other() : refer(field.type);
      },
      defaultOf: (name) => byName.get(name)?.default,
      untyped: fields.length === 0 && isDeduced(elementType),
    };
  }
  return (typeName) => named(typeName);
}

function isDeduced(type: Json): boolean {
  return (
    type?.namedType === '__untyped_deduced_' ||
    (type?.scalar === 'untyped' && type.map?.elementRelationship === 'separable')
  );
}

function overridden(atom: Json, elementRelationship: string): Json {
  const { list, map } = atom;
  return {
    ...atom,
    ...(list === undefined ? {} : { list: { ...list, elementRelationship } }),
    ...(map === undefined ? {} : { map: { ...map, elementRelationship } }),
  };
}
