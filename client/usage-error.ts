// What a person has to change before anything can be done: an option, a column's name, a file that can't be read.

export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
  }
}
