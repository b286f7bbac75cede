/** Which controllers a server runs: `--controllers`, as kube-controller-manager takes it. */
import { type ControllerName, controllerNames } from '../../controllers/names.ts';
import { usage } from '../failure.ts';

const all = ['scheduler', ...controllerNames] as const;

export const controllersHelp =
  'which run: "*" all, "name" that one, "-name" not that one (default: *). ' +
  `Names: ${all.join(', ')}`;

/** The list as it was given; throws when it names what is not there. */
export function checkedControllers(list: string): string {
  for (const word of wordsOf(list)) {
    const name = word.replace(/^-/, '');
    if (word !== '*' && !all.some((each) => each === name))
      throw usage(`--controllers: there is no "${name}": ${all.join(', ')}`);
  }
  return list;
}

/** What is not named runs when `*` is there. */
export function controllersChosen(list = '*'): (name: ControllerName | 'scheduler') => boolean {
  const words = new Set(wordsOf(list));
  return (name) => !words.has(`-${name}`) && (words.has(name) || words.has('*'));
}

function wordsOf(list: string): string[] {
  return list.split(',').map((word) => word.trim());
}
