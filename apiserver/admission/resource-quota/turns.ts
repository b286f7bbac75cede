/** One at a time for each name, in the order they came. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name);
    let done = () => {};
    const mine = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.#last.set(name, mine);
    await before;
    try {
      return await work();
    } finally {
      done();
      if (this.#last.get(name) === mine) this.#last.delete(name);
    }
  }
}
