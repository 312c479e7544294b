import { useState } from 'preact/hooks';
import type { LessonState } from '../shared/twin-api/state.ts';

/** What to look at now, one caption at a time. */
export function LessonCaptions({ lesson }: { readonly lesson: LessonState }) {
  const [at, setAt] = useState(0);
  const { title, captions } = lesson;
  return (
    <section class="card lesson" aria-label={`Lesson: ${title}`}>
      <p aria-live="polite">
        <b>
          {title} {at + 1}/{captions.length}
        </b>{' '}
        {captions[at]}
      </p>
      <div class="button-row">
        <button type="button" disabled={at === 0} onClick={() => setAt(at - 1)}>
          Earlier caption
        </button>
        <button type="button" disabled={at >= captions.length - 1} onClick={() => setAt(at + 1)}>
          Later caption
        </button>
      </div>
    </section>
  );
}
