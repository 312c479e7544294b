import type { ComponentChildren } from 'preact';

interface ScrollXProps {
  readonly label: string;
  readonly children: ComponentChildren;
}

/** What may be wider than a phone: scrolled by itself, also with keys. */
export function ScrollX({ label, children }: ScrollXProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="scroll-x" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}
