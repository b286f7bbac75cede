/**
 * Replays recorded scenarios against a server of its own and ends with `N passed, M failed`.
 * Run: npm run conformance -- <folder or files…> [--store etcd] [--only NAME,NAME] [--area AREA]
 * Scenarios are files of `test/conformance/scenario.ts`; folders are searched for them. Steps of
 * `differs.json` are counted apart.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { givenPath } from '../harness/given-path.ts';
import { kubectlBinary } from '../harness/kubectl.ts';
import { Asker } from './ask.ts';
import { Deviations, readDeviations } from './differs.ts';
import { replayGolden } from './golden.ts';
import { replay } from './replay.ts';
import type { Scenario } from './scenario.ts';
import { startServer } from './server.ts';

const deviations = new Deviations(readDeviations(new URL('./differs.json', import.meta.url)));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    store: { type: 'string', default: 'embedded' },
    only: { type: 'string', default: '' },
    area: { type: 'string', default: '' },
    jobs: { type: 'string', default: '2' },
  },
});
if (positionals.length === 0 || !['embedded', 'etcd'].includes(values.store)) {
  console.error('usage: npm run conformance -- <folder or files…> [--store embedded|etcd]');
  console.error('         [--only NAME,NAME] [--area AREA,AREA] [--jobs N]');
  process.exit(2);
}
process.exitCode = await main();

async function main(): Promise<number> {
  const chosen = positionals.map(givenPath).flatMap(filesIn).flatMap(read).filter(isChosen);
  const golden = chosen.some(({ area }) => area === 'golden');
  // The older recordings were made without the plugin, and build on each other.
  const flags = golden ? ['--disable-admission-plugins', 'ServiceAccount'] : [];
  const server = await startServer(values.store, flags);
  const asker = new Asker(server.access);
  const areas = new Map<string, { passed: number; failed: number; scenarios: number }>();
  try {
    let next = 0;
    const worker = async () => {
      for (let file = chosen[next++]; file !== undefined; file = chosen[next++]) {
        const outcome = await file.replay(asker);
        if (outcome.log.length > 0) console.log(`${file.area}/${file.name}`);
        for (const line of outcome.log) console.log(line);
        const area = areas.get(file.area) ?? { passed: 0, failed: 0, scenarios: 0 };
        area.passed += outcome.passed;
        area.failed += outcome.failed;
        area.scenarios += outcome.failed === 0 ? 1 : 0;
        areas.set(file.area, area);
      }
    };
    const jobs = golden ? 1 : Number(values.jobs);
    await Promise.all(Array.from({ length: jobs }, worker));
  } finally {
    asker.close();
    await server.stop();
  }
  for (const [name, { passed, failed }] of [...areas].sort())
    console.log(`  ${name.padEnd(18)} ${passed} passed, ${failed} failed`);
  const all = [...areas.values()];
  const sum = (key: 'passed' | 'failed' | 'scenarios') =>
    all.reduce((total, area) => total + area[key], 0);
  console.log(`${sum('scenarios')} of ${chosen.length} scenarios`);
  for (const line of deviations.lines()) console.log(line);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
  return sum('failed') > 0 ? 1 : 0;
}

interface ScenarioFile {
  readonly name: string;
  readonly area: string;
  replay(asker: Asker): ReturnType<typeof replay>;
}

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(path, name));
}

/** Other files that lie in the folder are passed over. */
function read(path: string): ScenarioFile[] {
  const parsed = JSON.parse(readFileSync(path, 'utf8'));
  if (!Array.isArray(parsed.steps)) return [];
  if (typeof parsed.scenario === 'string') {
    const name: string = parsed.scenario;
    return [{ name, area: 'golden', replay: (asker) => replayGolden(parsed, asker) }];
  }
  const scenario: Scenario = parsed;
  const { name, area } = scenario;
  return [
    { name, area, replay: (asker) => replay(scenario, asker, kubectlBinary?.path, deviations) },
  ];
}

function isChosen({ name, area }: ScenarioFile): boolean {
  const names = values.only.split(',');
  if (!names.some((each) => name.includes(each))) return false;
  return values.area === '' || values.area.split(',').includes(area);
}
