import type { Observer, Operator, Subscription } from 'rxjs';
import type { Log } from '../lib/log.ts';
import { Observable } from '../lib/rx.ts';

/** The same events; a subscriber that throws is logged, where rxjs would end the process. */
export function guardEvents<E>(source: Observable<E>, log: Log): Observable<E> {
  const guarded = new GuardedEvents<E>(log);
  guarded.source = source;
  return guarded;
}

class GuardedEvents<E> extends Observable<E> {
  readonly #log: Log;

  constructor(log: Log) {
    super();
    this.#log = log;
  }

  /** Every `pipe` goes through here, so that what follows an operator is guarded too. */
  override lift<R>(operator?: Operator<E, R>): Observable<R> {
    const lifted = new GuardedEvents<R>(this.#log);
    // rxjs types a lifted source by its own element type.
    lifted.source = this as unknown as Observable<R>;
    // The operator turns E into R; rxjs keeps it untyped in the same field.
    lifted.operator = operator as unknown as Operator<R, R>;
    return lifted;
  }

  override subscribe(
    observer?: Partial<Observer<E>> | ((value: E) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // An operator's own subscriber must be passed on as it is: it handles its errors itself.
    if (observer && typeof observer === 'object' && 'closed' in observer) {
      return super.subscribe(observer);
    }
    const given: Partial<Observer<E>> =
      typeof observer === 'function' ? { next: observer } : (observer ?? {});
    const log = this.#log;
    return super.subscribe({
      next(value) {
        try {
          given.next?.(value);
        } catch (thrown) {
          log.error({ err: thrown }, 'event handler threw');
        }
      },
      error(failure) {
        const handler = error ?? given.error?.bind(given);
        if (handler) handler(failure);
        else log.error({ err: failure }, 'event stream failed');
      },
      complete() {
        (complete ?? given.complete?.bind(given))?.();
      },
    });
  }
}
