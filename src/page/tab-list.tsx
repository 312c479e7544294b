import { useRef } from 'preact/hooks';
import type { TabName } from './tab-props.ts';

interface TabListProps {
  readonly names: readonly TabName[];
  readonly chosen: TabName;
  readonly onChoose: (name: TabName) => void;
}

/** One stop of the tab key; arrow keys go on from there. */
export function TabList({ names, chosen, onChoose }: TabListProps) {
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    const next = (names.indexOf(chosen) + by + names.length) % names.length;
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
          tabIndex={name === chosen ? 0 : -1}
          onClick={() => onChoose(name)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
