// Whether the function takes work, and if not, why: one state behind the HTTP probe, gRPC health and the refusals of Add.

export class Readiness {
  #refusal: string | undefined;
  readonly #listeners: (() => void)[] = [];

  /** @param refusal why it is not ready from the start; undefined when it is */
  constructor(refusal: string | undefined) {
    this.#refusal = refusal;
  }

  /** Why no work is taken; undefined when it is. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Takes no work from now on. */
  refuse(refusal: string): void {
    this.#refusal = refusal;
    for (const listener of this.#listeners) listener();
  }

  /** Calls back whenever a new refusal is there. */
  onRefusal(listener: () => void): void {
    this.#listeners.push(listener);
  }
}
