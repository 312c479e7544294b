/** A promise and the two ways to settle it, for answers that come by a callback. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve: (value: T) => void = () => {};
  reject: (error: Error) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Nobody may be waiting yet, or any more: whoever awaits it still sees the error.
    this.promise.catch(() => {});
  }
}
