/** Recorded scenarios: what a file holds, and the values that each run puts into its gaps. */
import { isObject, type Json } from './json-path.ts';

export interface RecordedRequest {
  readonly method?: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
  /** `null` leaves a header out that would be sent otherwise. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly body?: Json;
  readonly bodyText?: string;
  /** Without credentials, or with wrong ones. */
  readonly auth?: 'none' | 'bad';
}

export interface Poll {
  readonly status?: number;
  readonly path?: string;
  readonly equals?: Json;
  readonly absent?: boolean;
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

export interface Step {
  readonly name: string;
  readonly request?: RecordedRequest;
  readonly expect?: Json;
  readonly compare?: 'default' | 'exact' | 'subset' | 'status' | 'types';
  readonly ignore?: readonly string[];
  readonly only?: readonly string[];
  readonly grep?: readonly string[];
  readonly capture?: Readonly<Record<string, string>>;
  readonly captureText?: string;
  readonly poll?: Poll;
  readonly sleepMs?: number;
  readonly managedFields?: boolean;
  readonly recordHeaders?: readonly string[];
  readonly timeoutMs?: number;
  // A watch is opened by one step and read by another.
  readonly watch?: string;
  readonly collect?: string;
  readonly count?: number;
  readonly untilEnd?: boolean;
  readonly untilType?: string;
  readonly settleMs?: number;
  readonly bookmarks?: boolean;
  readonly take?: 'ends';
  readonly more?: boolean;
  // kubectl
  readonly cmd?: readonly string[];
  readonly stdin?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly json?: boolean;
  readonly layout?: boolean;
  readonly sortLines?: boolean;
  readonly pollExit?: boolean;
}

export interface Scenario {
  readonly name: string;
  readonly area: string;
  readonly vars?: Readonly<Record<string, string>>;
  readonly ignore?: readonly string[];
  readonly managedFields?: boolean;
  readonly setup?: readonly Step[];
  readonly steps: readonly Step[];
  readonly cleanup?: readonly Step[];
  /** Symbols of versions, oldest first. */
  readonly rvOrder?: string;
}

export type Variables = Record<string, string>;

const alphabet = 'bcdfghjkmnpqrstvwxz2456789';

/** Names that no other run uses. */
export function variablesOf(scenario: Scenario): Variables {
  const letter = () => alphabet[Math.floor(Math.random() * alphabet.length)];
  const run = `q${Array.from({ length: 7 }, letter).join('')}`;
  const vars: Variables = { run, ns: `cf-${run}`, ns2: `cg-${run}`, group: `${run}.cf.example` };
  for (const [name, text] of Object.entries(scenario.vars ?? {})) vars[name] = fill(text, vars);
  return vars;
}

/** `value` with `${name}` and `${repeat:text:count}` replaced. */
export function fill<T>(value: T, vars: Variables): T {
  // The shape stays: only texts change.
  return filled(value, vars) as T;
}

function filled(value: Json, vars: Variables): Json {
  if (typeof value === 'string') {
    return value
      .replace(/\$\{repeat:([\s\S]*?):(\d+)\}/g, (_, text, count) => text.repeat(Number(count)))
      .replace(/\$\{([^}]+)\}/g, (_, name) => {
        const found = vars[name];
        if (found !== undefined) return found;
        throw new Error(`no value for \${${name}}: an earlier step did not give it`);
      });
  }
  if (Array.isArray(value)) return value.map((each) => filled(each, vars));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [filled(key, vars), filled(each, vars)]),
  );
}
