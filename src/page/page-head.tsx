import { useEffect, useState } from 'preact/hooks';

type Theme = 'auto' | 'light' | 'dark';
const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

/** The name, what is shown, and how: theme, and larger text for a projector. */
export function PageHead({ text }: { readonly text: string }) {
  const [theme, setTheme] = useKept<Theme>('vllm-twin.theme', 'auto');
  const [size, setSize] = useKept<'normal' | 'large'>('vllm-twin.text', 'normal');
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
    document.documentElement.dataset['text'] = size;
  }, [theme, size]);
  return (
    <header class="page-head">
      <h1>vllm-twin</h1>
      <span class="quiet">{text}</span>
      <span class="page-tools">
        <button
          type="button"
          onClick={() => setTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto')}
        >
          Theme: {theme}
        </button>
        <button
          type="button"
          aria-pressed={size === 'large'}
          onClick={() => setSize(size === 'large' ? 'normal' : 'large')}
        >
          Large text
        </button>
      </span>
    </header>
  );
}

/** Remembered where the browser lets a page remember; a page from disk may not. */
function useKept<T extends string>(key: string, byDefault: T) {
  const [value, setValue] = useState<T>(() => {
    try {
      return (localStorage.getItem(key) as T | null) ?? byDefault;
    } catch {
      return byDefault;
    }
  });
  const set = (next: T): void => {
    setValue(next);
    try {
      localStorage.setItem(key, next);
    } catch {
      // It holds until the page is closed.
    }
  };
  return [value, set] as const;
}
