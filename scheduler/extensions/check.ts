/** Whether what answers for a user's own dimension keeps to the protocol: what `berth dimension check` runs. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '../../api/meta.ts';
import {
  type AskedNode,
  type Asker,
  type NodeAnswer,
  type Question,
  readAnswers,
} from './protocol.ts';

export interface Finding {
  readonly rule: string;
  /** What is wrong; absent: it holds. */
  readonly wrong?: string;
}

export interface CheckOptions {
  readonly asker: Asker;
  /** Something an instance would ask for, that fits on a node where nothing is held. */
  readonly need: JsonValue;
  readonly node: AskedNode;
  readonly timeoutMs: number;
}

/** Instances that are put on the node to fill it; a count above is believed. */
const instancesMax = 200;

type Ask = (nodes: readonly AskedNode[], need?: JsonValue) => Promise<readonly NodeAnswer[]>;

/** Runs every rule; what throws has failed it. */
export async function checkDimension(options: CheckOptions): Promise<readonly Finding[]> {
  const { asker, timeoutMs, node } = options;
  const empty: AskedNode = { ...node, held: [] };
  const ask: Ask = async (nodes, need = options.need) => {
    const question: Question = { need, nodes };
    const value = await asker.ask(question, AbortSignal.timeout(timeoutMs));
    const answers = readAnswers(value, question, 'checked');
    return nodes.flatMap(({ name }) => answers.get(name) ?? []);
  };
  const findings: Finding[] = [];
  for (const [rule, check] of rules) {
    try {
      const wrong = await check(ask, empty);
      findings.push(wrong === undefined ? { rule } : { rule, wrong });
    } catch (error) {
      const isLate = error instanceof Error && error.name === 'TimeoutError';
      const wrong = isLate ? `no answer within ${timeoutMs / 1000} s` : String(error);
      findings.push({ rule, wrong });
    }
  }
  return findings;
}

type Rule = (ask: Ask, empty: AskedNode) => Promise<string | undefined>;

const rules: readonly (readonly [string, Rule])[] = [
  [
    'answers in time and in the form of the protocol',
    async (ask, empty) => {
      const [answer] = await ask([empty]);
      return answer?.fits === true
        ? undefined
        : `the need does not fit on a node where nothing is held: ${answer?.reason}`;
    },
  ],
  [
    'the same question has the same answer',
    async (ask, empty) =>
      isDeepStrictEqual(await ask([empty]), await ask([empty])) ? undefined : 'two answers differ',
  ],
  [
    'a node is answered alike alone and among others',
    async (ask, empty) => {
      const others = ['other-a', 'other-b'].map((name) => ({ ...empty, name }));
      const [alone] = await ask([empty]);
      const among = await ask([...others, empty]);
      return isDeepStrictEqual(alone, among.at(-1))
        ? undefined
        : 'the answer depends on the other nodes';
    },
  ],
  [
    'count says how many fit one after the other',
    async (ask, empty) => {
      const { fitted, counted, answers } = await fill(ask, empty);
      if (counted > instancesMax) return undefined;
      return fitted === counted
        ? undefined
        : `count was ${counted}, but ${fitted} fitted (${answers.length} questions)`;
    },
  ],
  [
    'the order of what is held does not matter',
    async (ask, empty) => {
      const { held } = await fill(ask, empty);
      const turned = { ...empty, held: held.toReversed() };
      const same = isDeepStrictEqual(await ask([{ ...empty, held }]), await ask([turned]));
      return same ? undefined : 'the answer changes with the order of `held`';
    },
  ],
  [
    'what was released is free again',
    async (ask, empty) => {
      const { held, answers } = await fill(ask, empty);
      for (const [i, before] of answers.entries()) {
        const [again] = await ask([{ ...empty, held: held.slice(0, i) }]);
        if (!isDeepStrictEqual(again, before))
          return `with ${i} held the answer is another than before`;
      }
      return undefined;
    },
  ],
  [
    'a refusal says how much is missing',
    async (ask, empty) => {
      const { last, counted } = await fill(ask, empty);
      if (counted > instancesMax || last === undefined || last.fits) return undefined;
      const { asked, free, missing } = last;
      if (missing <= 0) return 'missing must be more than 0';
      return asked - free <= missing
        ? undefined
        : `asked ${asked}, free ${free}, but missing ${missing}`;
    },
  ],
  [
    'a need that makes no sense is refused, and harms nobody',
    async (ask, empty) => {
      const odd = await ask([empty], { 'no such field': ['?'] }).catch(() => []);
      const [after] = await ask([empty]);
      if (odd.some(({ fits }) => fits)) return 'a need that makes no sense fits';
      return after?.fits === true ? undefined : 'afterwards nothing fits any more';
    },
  ],
];

/** Puts one instance after the other on the node until none fits. */
async function fill(ask: Ask, empty: AskedNode) {
  const held: JsonValue[] = [];
  const answers: NodeAnswer[] = [];
  let counted: number | undefined;
  let last: NodeAnswer | undefined;
  while (held.length < instancesMax) {
    [last] = await ask([{ ...empty, held: [...held] }]);
    if (last === undefined) break;
    if (answers.length < 5) answers.push(last);
    if (!last.fits) break;
    counted ??= last.count;
    held.push(last.piece);
  }
  return { held, answers, last, fitted: held.length, counted: counted ?? 0 };
}
