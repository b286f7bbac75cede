/** What the generated files share. */

/** The first line of every generated file. */
export const banner =
  '// Generated from crds/**/*.yaml by `npx tsx scripts/generate.ts`; do not edit.\n\n';
