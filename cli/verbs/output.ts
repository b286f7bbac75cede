/** `-o json` and `-o yaml`. */

export async function printWhole(value: unknown, output: string): Promise<void> {
  if (output === 'json') {
    process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    return;
  }
  const { stringify } = await import('yaml');
  // What reads it may take "yes" or "0755" for something else than text: such text is quoted.
  process.stdout.write(
    stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false }),
  );
}
