/**
 * The seats of one priority level, shared fairly: every user has a queue of its own, and the users' queues
 * are served in turn. Bounded in every direction.
 */
import type { Clock } from '../../lib/clock.ts';

export interface FairQueueLimits {
  /** How many may be taken at once. */
  readonly seats: number;
  /** What one user may hold of them, so that some are left for whoever comes next. */
  readonly seatsPerUser: number;
  readonly queuedPerUser: number;
  readonly queued: number;
  /** Who has waited so long is refused. */
  readonly waitMs: number;
}

/** Gives seats back; a second call does nothing. */
export type Leave = () => void;

export type RefusalReason = 'queue-full' | 'time-out';

/** Thrown where there is neither a seat nor a place to wait for one. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(reason);
    this.reason = reason;
  }
}

interface Waiter {
  readonly seats: number;
  state: 'waiting' | 'admitted';
  wake: () => void;
}

interface User {
  readonly name: string;
  seats: number;
  readonly waiting: Waiter[];
}

export class FairQueue {
  readonly #limits: FairQueueLimits;
  readonly #clock: Clock;
  /** Those that hold seats or wait. */
  readonly #users = new Map<string, User>();
  /** Those that wait; the first is the next to be served. */
  readonly #turns = new Set<User>();
  #taken = 0;
  #queued = 0;

  constructor(limits: FairQueueLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get taken(): number {
    return this.#taken;
  }

  get queued(): number {
    return this.#queued;
  }

  /** At once where there is room. More seats than a user may have count as all of those. */
  enter(name: string, wanted: number, signal: AbortSignal): Leave | Promise<Leave> {
    const { seatsPerUser, queuedPerUser, queued } = this.#limits;
    const user = this.#users.get(name) ?? { name, seats: 0, waiting: [] };
    if (user.waiting.length >= queuedPerUser || this.#queued >= queued)
      throw new Refused('queue-full');
    this.#users.set(name, user);
    const waiter: Waiter = {
      seats: Math.min(wanted, seatsPerUser),
      state: 'waiting',
      wake: () => undefined,
    };
    user.waiting.push(waiter);
    this.#queued += 1;
    this.#turns.add(user);
    this.#serve();
    const leave = this.#leaving(user, waiter.seats);
    return isAdmitted(waiter) ? leave : this.#wait(user, waiter, signal).then(() => leave);
  }

  /** Who has let go goes to the end of the line, so this ends when nobody fits any more. */
  #serve(): void {
    const { seats, seatsPerUser } = this.#limits;
    for (const user of this.#turns) {
      const [next] = user.waiting;
      if (next === undefined || user.seats + next.seats > seatsPerUser) continue;
      // Those behind wait too: else one that needs many seats would never find them free.
      if (this.#taken + next.seats > seats) return;
      this.#turns.delete(user);
      user.waiting.shift();
      if (user.waiting.length > 0) this.#turns.add(user);
      this.#queued -= 1;
      this.#taken += next.seats;
      user.seats += next.seats;
      next.state = 'admitted';
      next.wake();
    }
  }

  #leaving(user: User, seats: number): Leave {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#taken -= seats;
      user.seats -= seats;
      this.#forget(user);
      this.#serve();
    };
  }

  async #wait(user: User, waiter: Waiter, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const woken = new Promise<void>((resolve) => {
      waiter.wake = resolve;
    });
    const tooLong = this.#clock.sleep(this.#limits.waitMs, over.signal).then(
      () => true,
      () => false,
    );
    const gone = () => over.abort(waitIsOver);
    signal.addEventListener('abort', gone, { once: true });
    if (signal.aborted) gone();
    await Promise.race([woken, tooLong]);
    signal.removeEventListener('abort', gone);
    over.abort(waitIsOver);
    if (isAdmitted(waiter)) return;
    this.#giveUp(user, waiter);
    if (signal.aborted) throw signal.reason;
    throw new Refused('time-out');
  }

  #giveUp(user: User, waiter: Waiter): void {
    user.waiting.splice(user.waiting.indexOf(waiter), 1);
    this.#queued -= 1;
    if (user.waiting.length === 0) this.#turns.delete(user);
    this.#forget(user);
    // It may have stood in the way of others.
    this.#serve();
  }

  #forget(user: User): void {
    if (user.seats === 0 && user.waiting.length === 0) this.#users.delete(user.name);
  }
}

/** Asked in a function: the state changes behind the compiler's back. */
function isAdmitted(waiter: Waiter): boolean {
  return waiter.state === 'admitted';
}

/** Made once: an error of its own for every wait would cost a stack trace. */
const waitIsOver = new DOMException('the wait is over', 'AbortError');
