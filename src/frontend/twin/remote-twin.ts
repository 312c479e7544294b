/** The twin as one of several API servers asks for it: the process that started them all answers. */
import { Inquiries } from '../../shared/inquiries.ts';
import type { Twin, TwinAnswer, TwinQuestion, TwinValues } from './twin-question.ts';

export class RemoteTwin implements Twin {
  readonly #inquiries: Inquiries<TwinQuestion, TwinAnswer>;

  constructor(send: (id: number, question: TwinQuestion) => void) {
    this.#inquiries = new Inquiries(send);
  }

  async ask<Q extends TwinQuestion>(question: Q): Promise<TwinAnswer<TwinValues[Q['ask']]>> {
    const answer = await this.#inquiries.ask(question);
    return (answer ?? LATE) as TwinAnswer<TwinValues[Q['ask']]>;
  }

  /** The answer to a question of ours. */
  take(id: number, answer: TwinAnswer): void {
    this.#inquiries.take(id, answer);
  }
}

const LATE: TwinAnswer = {
  isOk: false,
  status: 503,
  message: 'the process that started this server did not answer in time',
};
