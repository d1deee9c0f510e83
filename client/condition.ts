// Something to wait for that happens again and again, such as "there is room". A waiter looks at the state itself
// before and after: a notification says only that it is worth another look.

export class Condition {
  #waiter = Promise.withResolvers<undefined>();

  wait(): Promise<undefined> {
    return this.#waiter.promise;
  }

  notify(): void {
    this.#waiter.resolve(undefined);
    this.#waiter = Promise.withResolvers();
  }
}
