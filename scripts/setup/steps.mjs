// Shows what a script is doing: one line per step, with its time while it works.

/** An expected failure: one sentence with the remedy, no stack trace. */
export class Failure extends Error {
  name = 'Failure';
}

const nameWidth = 20;

/** Runs `work` and prints `done  <name>  <what it returned>`; a terminal sees seconds pass. */
export async function step(name, work) {
  const startedAtMs = Date.now();
  const label = name.padEnd(nameWidth);
  const timer = process.stdout.isTTY
    ? setInterval(() => {
        process.stdout.write(`\r  ...   ${label} ${seconds(startedAtMs)}`);
      }, 250)
    : undefined;
  try {
    const outcome = await work((note) => {
      if (!process.stdout.isTTY) console.log(`  ...   ${label} ${note}`);
    });
    clear(timer);
    console.log(`  done  ${label} ${outcome ?? ''}`.trimEnd());
  } catch (error) {
    clear(timer);
    console.log(`  fail  ${label}`.trimEnd());
    throw error;
  }
}

export function seconds(sinceMs) {
  return `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;
}

/** Prints what `main` could not do as one sentence and sets exit code 1. */
export async function runScript(name, main) {
  try {
    await main();
  } catch (error) {
    const expected = error instanceof Failure;
    console.error(`\n${name}: ${expected ? error.message : `unexpected: ${error?.message}`}`);
    if (process.env.BERTH_DEBUG === '1') console.error(error);
    process.exitCode = 1;
  }
}

function clear(timer) {
  clearInterval(timer);
  if (process.stdout.isTTY) process.stdout.write('\r\u001b[K');
}
