import { useRef } from 'preact/hooks';
import type { TabName } from './tab-props.ts';

/** Of the one panel, which shows whatever tab is chosen. */
export const TAB_PANEL_ID = 'tab-panel';

interface TabListProps {
  readonly names: readonly TabName[];
  readonly chosen: TabName;
  readonly onChoose: (name: TabName) => void;
}

/** One stop of the tab key; arrow keys go on from there. */
export function TabList({ names, chosen, onChoose }: TabListProps) {
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = names.indexOf(chosen);
    const target = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 }[event.key];
    if (target === undefined) return;
    const next = (target + names.length) % names.length;
    const name = names[next];
    if (name === undefined) return;
    onChoose(name);
    list.current?.querySelectorAll('button')[next]?.focus();
    event.preventDefault();
  };
  return (
    <div class="tab-list" role="tablist" aria-label="Views" ref={list} onKeyDown={onKeyDown}>
      {names.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          aria-selected={name === chosen}
          aria-controls={TAB_PANEL_ID}
          tabIndex={name === chosen ? 0 : -1}
          onClick={() => onChoose(name)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
