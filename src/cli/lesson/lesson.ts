/** What a lesson is: the one table that the page of docs, the terminal and the captions in the browser come from. */

export interface LessonStep {
  /** What it shows, in one or two sentences. */
  readonly caption: string;
  /** Lines for a shell, against a server at localhost:8000. */
  readonly command: readonly string[];
  /** What they print; `…` stands for anything. */
  readonly prints: readonly string[];
}

export interface Lesson {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** What `serve` is started with. */
  readonly serve: readonly string[];
  /** The engines' clock when it begins. */
  readonly clock: 'running' | 'paused';
  /** Files of vLLM 0.33.0, and what of them. */
  readonly sources: readonly string[];
  readonly steps: readonly LessonStep[];
  /** The first steps that are for the time of the start-up; default: none. */
  readonly numWhileStarting?: number;
  readonly question: string;
  /** Its answer, by experiment. */
  readonly answer: LessonStep;
}

/** What is shown one after another. */
export function captionsOf({ steps, question, answer }: Lesson): readonly string[] {
  return [...steps.map(({ caption }) => caption), question, answer.caption];
}
