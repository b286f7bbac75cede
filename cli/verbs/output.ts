/** `-o json` and `-o yaml`. */
import { usage } from '../failure.ts';

const outputs = ['json', 'yaml'];

/** Of commands that print data or text for people. */
export function checkOutput(output: string | undefined): void {
  if (output === undefined || outputs.includes(output)) return;
  throw usage(`-o must be one of ${outputs.join(', ')}, not "${output}"`);
}

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
