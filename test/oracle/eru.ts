/**
 * Runs recorded cases of Eru against Berth's planners: `npm run oracle:eru -- <file…>`, ends with `N passed, M failed`.
 * A file is a list of rows; each row's form says what it is about.
 */
import { runFiles } from './run-files.ts';

process.exitCode = runFiles(process.argv.slice(2), {
  line: (text) => console.log(text),
  error: (text) => console.error(text),
});
