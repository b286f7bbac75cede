/** Words that descriptions of what runs already have in common. */
import type { EnvVar } from '../api/kinds.gen.ts';

/** An RFC 1123 label made of an engine's name for something. */
export function containerNameOf(name: string): string {
  const label = name.toLowerCase().replace(/[^a-z0-9-]+/g, '-');
  return label.slice(0, 63).replace(/^-+|-+$/g, '') || 'main';
}

/** Of lines `NAME=value`; what a pod would fill in stays as it is written. */
export function envOf(lines: readonly string[]): { env?: EnvVar[] } {
  if (lines.length === 0) return {};
  return {
    env: lines.map((line) => {
      const at = line.indexOf('=');
      const [name, value] = at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
      // A function, since `$$` in a replacement is one dollar.
      return { name, value: value.replaceAll('$(', () => '$$(') };
    }),
  };
}
