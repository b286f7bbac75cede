/** Everything that expressions may call. */
import { byName, type Functions } from '../functions.ts';
import { amountLibrary } from './amounts.ts';
import { formatLibrary } from './format.ts';
import { listLibrary } from './lists.ts';
import { netLibrary } from './net.ts';
import { regexLibrary } from './regex.ts';
import { standard } from './standard.ts';
import { stringLibrary } from './strings.ts';
import { timeLibrary } from './time.ts';

export const functions: Functions = byName([
  ...standard,
  ...timeLibrary,
  ...stringLibrary,
  ...regexLibrary,
  ...listLibrary,
  ...netLibrary,
  ...amountLibrary,
  ...formatLibrary,
]);
