/** `api/resources.gen.ts`: one constant for each stored kind. */
import type { Resource } from '../../api/meta.ts';
import type { SourceKind } from '../../crds/link.ts';
import type { Sources } from './sources.ts';
import { banner } from './text.ts';

export function resourcesFile({ core, berth }: Sources): string {
  const kinds = [...core, ...berth.map((crd) => crd.spec)];
  return `${banner}import type { Resource } from './meta.ts';\n\n${kinds.map(constant).join('\n')}`;
}

function constant({ group, names, scope, versions }: SourceKind): string {
  const version = versions.find((v) => v.storage)?.name;
  if (version === undefined) throw new Error(`${names.plural}: no version is stored`);
  const resource: Resource = {
    group,
    version,
    resource: names.plural,
    kind: names.kind,
    namespaced: scope === 'Namespaced',
  };
  const fields = Object.entries(resource).map(
    ([key, value]) => `  ${key}: ${typeof value === 'string' ? `'${value}'` : value},\n`,
  );
  return `export const ${pluralOf(names)}: Resource = {\n${fields.join('')}};\n`;
}

/** `configMaps` for the kind ConfigMap with the plural `configmaps`. */
function pluralOf({ kind, plural }: SourceKind['names']): string {
  let common = 0;
  while (common < kind.length && kind[common]?.toLowerCase() === plural[common]) common += 1;
  const name = kind.slice(0, common) + plural.slice(common);
  // An abbreviation goes as a whole: `vms`, `ipPools`.
  return name.replace(/^[A-Z]+(?=[A-Z][a-z]{2}|s?$)|^[A-Z]/, (start) => start.toLowerCase());
}
