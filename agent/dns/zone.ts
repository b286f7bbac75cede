/** Which questions the node answers itself, and how. Pure. Source: RFC 1035. */
import packet from 'dns-packet';
import { clusterNames } from '../../api/cluster-names.ts';

/** What is asked for: a name of the plane's own, or something that others know. */
export type Asked =
  | { readonly type: 'name'; readonly namespace: string; readonly name: string }
  /** Ours, and nothing can have that name. */
  | { readonly type: 'nothing' }
  | { readonly type: 'foreign' };

/** What was found out about a name. */
export type Known =
  | { readonly type: 'found'; readonly addresses: readonly string[] }
  | { readonly type: 'absent' }
  /** Nobody can tell now, and nobody could before. */
  | { readonly type: 'unknown' };

/** How long whoever asks may keep an answer: members of a workload come and go. */
const ttlSeconds = 5;
/** Without EDNS an answer by UDP has no more. */
const plainBytes = 512;
/** Larger ones would be cut into pieces on the way. */
const udpBytesMax = 1_232;
const code = { ok: 0, serverFailure: 2, noSuchName: 3 } as const;

/** `undefined` when it is no question. */
export function readQuery(message: Buffer): packet.DecodedPacket | undefined {
  try {
    const query = packet.decode(message);
    return query.type === 'query' && query.questions?.length === 1 ? query : undefined;
  } catch {
    return undefined;
  }
}

export function askedFor({ questions = [] }: packet.Packet): Asked {
  const labels = (questions[0]?.name ?? '').toLowerCase().split('.');
  if (labels.at(-1) !== clusterNames) return { type: 'foreign' };
  const namespace = labels.at(-2) ?? '';
  // Names of instances may have dots in them.
  const name = labels.slice(0, -2).join('.');
  return name === '' ? { type: 'nothing' } : { type: 'name', namespace, name };
}

/** The answer to a question about a name of ours. */
export function answerTo(query: packet.DecodedPacket, known: Known): Buffer {
  const [question] = query.questions ?? [];
  const { name = '', type } = question ?? {};
  const rcode =
    known.type === 'found'
      ? code.ok
      : known.type === 'absent'
        ? code.noSuchName
        : code.serverFailure;
  const addresses = known.type === 'found' ? known.addresses : [];
  const answers = addresses.flatMap((data): packet.Answer[] => {
    const record = data.includes(':') ? 'AAAA' : 'A';
    if (type !== record) return [];
    return [{ type: record, name, ttl: ttlSeconds, data }];
  });
  return packet.encode(reply(query, rcode, answers));
}

/** What whoever asks by UDP gets: where there is no room for all, the way to ask by TCP. */
export function fitting(query: packet.DecodedPacket, answer: Buffer): Buffer {
  const opt = query.additionals?.find((each) => each.type === 'OPT');
  const offered = opt?.type === 'OPT' ? opt.udpPayloadSize : plainBytes;
  const room = Math.max(plainBytes, Math.min(offered, udpBytesMax));
  if (answer.length <= room) return answer;
  return packet.encode(reply(query, code.ok, [], packet.TRUNCATED_RESPONSE));
}

/** Nobody could be asked. */
export function failureOf(query: packet.DecodedPacket): Buffer {
  return packet.encode(reply(query, code.serverFailure, []));
}

function reply(
  { id, questions = [], flags = 0 }: packet.DecodedPacket,
  rcode: number,
  answers: packet.Answer[],
  more = 0,
): packet.Packet {
  const wanted = flags & packet.RECURSION_DESIRED;
  const own = packet.AUTHORITATIVE_ANSWER | packet.RECURSION_AVAILABLE;
  return {
    type: 'response',
    ...(id === undefined ? {} : { id }),
    flags: own | wanted | more | rcode,
    questions,
    answers,
  };
}
