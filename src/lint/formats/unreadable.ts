/** A file, or a part of one, that is not what it should be. */
export class Unreadable extends Error {
  /** In the text that was read. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** Objects in objects: more of them than any tool writes, and few enough for a stack. */
export const MAX_DEPTH = 500;
