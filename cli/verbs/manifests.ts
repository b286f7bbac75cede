/** Reads manifests: files, directories or standard input, YAML or JSON. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, type Tags } from 'yaml';
import type { JsonObject, KubeObject } from '../../api/meta.ts';
import { codeOf, Failure } from '../failure.ts';

export interface Manifest {
  readonly object: JsonObject & KubeObject;
  /** Where it stands: `web.yaml (document 2)`. */
  readonly source: string;
}

const extensions = ['.yaml', '.yml', '.json'];
const bytesMax = 64 * 1024 * 1024;

/** All objects of `paths` in order; `-` is standard input. Throws a `Failure` naming the place. */
export function readManifests(paths: readonly string[]): readonly Manifest[] {
  const found = paths.flatMap(filesOf).flatMap((file) => parseManifests(read(file), nameOf(file)));
  if (found.length === 0) throw new Failure(`there is no object in ${paths.join(', ')}`);
  return found;
}

/** The objects of one text; lists are taken apart. Pure. */
export function parseManifests(text: string, source: string): readonly Manifest[] {
  const documents = parseAllDocuments(text, { version: '1.1', customTags: asKubernetesReads });
  return [...documents].flatMap((document, index) => {
    const where = documents.length > 1 ? `${source} (document ${index + 1})` : source;
    const [error] = document.errors;
    if (error !== undefined) {
      const why = error.message.split('\n')[0]?.replace(/:$/, '');
      throw new Failure(`${where} is not YAML: ${why}`);
    }
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return value === null || value === undefined ? [] : objectsOf(value, where);
  });
}

/** What others need first comes first: namespaces, then definitions of kinds. Pure. */
export function inOrder(manifests: readonly Manifest[]): readonly Manifest[] {
  const rank = ({ object }: Manifest) => {
    if (object.kind === 'Namespace') return 0;
    return object.kind === 'CustomResourceDefinition' ? 1 : 2;
  };
  return [...manifests].sort((a, b) => rank(a) - rank(b));
}

/** Kubernetes reads YAML 1.1, but without its times and numbers to base 60. */
function asKubernetesReads(tags: Tags): Tags {
  return tags.filter(
    (tag) =>
      typeof tag === 'string' ||
      (tag.tag !== 'tag:yaml.org,2002:timestamp' && !('format' in tag && tag.format === 'TIME')),
  );
}

function objectsOf(value: unknown, where: string): Manifest[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Failure(`${where} is not an object: a manifest begins with apiVersion and kind`);
  }
  const object = value as Partial<KubeObject> & { readonly items?: unknown }; // Checked below.
  if (typeof object.apiVersion !== 'string' || typeof object.kind !== 'string') {
    throw new Failure(`${where} lacks ${object.apiVersion === undefined ? 'apiVersion' : 'kind'}`);
  }
  if (object.kind.endsWith('List') && Array.isArray(object.items)) {
    return object.items.flatMap((item, i) => objectsOf(item, `${where}, item ${i + 1}`));
  }
  const metadata: { readonly name?: unknown } | undefined = object.metadata;
  if (typeof metadata?.name !== 'string' || metadata.name === '') {
    throw new Failure(`${where}: metadata.name is missing`);
  }
  // Everything that makes it an object of the API was checked right here.
  return [{ object: object as JsonObject & KubeObject, source: where }];
}

function filesOf(path: string): readonly string[] {
  if (path === '-') return ['-'];
  try {
    if (!statSync(path).isDirectory()) return [path];
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new Failure(`${path} does not exist`, { cause: error });
    throw error;
  }
  return readdirSync(path)
    .sort()
    .filter((name) => extensions.some((extension) => name.endsWith(extension)))
    .map((name) => join(path, name));
}

function read(file: string): string {
  const bytes = readFileSync(file === '-' ? 0 : file);
  if (bytes.length > bytesMax) throw new Failure(`${nameOf(file)} is too large for a manifest`);
  return bytes.toString('utf8');
}

function nameOf(file: string): string {
  return file === '-' ? 'standard input' : file;
}
