/**
 * A process that writes to an embedded store until it is killed. Each transaction puts the same
 * number under two keys of its writer; a number is printed once it was acknowledged.
 */
import { writeSync } from 'node:fs';
import { openEmbeddedStore } from '../../store/index.ts';
import { putting, write } from './store.ts';

const [directory = '', from = '0'] = process.argv.slice(2);
const writers = 8;

const store = await openEmbeddedStore(directory);
writeSync(1, 'open\n');
await Promise.all(
  Array.from({ length: writers }, async (_, writer) => {
    for (let i = Number(from); ; i += 1) {
      const value = `${i} ${'x'.repeat(500)}`;
      const { revision } = await write(
        store,
        putting(`a/${writer}`, value),
        putting(`b/${writer}`, value),
      );
      writeSync(1, `${writer} ${i} ${revision}\n`);
    }
  }),
);
