import type { FrameType } from '../../shared/tap/frame-type.ts';
import type { Filter } from './filters.ts';

interface FilterBarProps {
  readonly filter: Filter;
  readonly engines: readonly number[];
  /** That there are. */
  readonly types: readonly FrameType[];
  readonly onFilter: (filter: Filter) => void;
}

export function FilterBar({ filter, engines, types, onFilter }: FilterBarProps) {
  return (
    <fieldset class="toolbar" aria-label="Which frames">
      <label class="field-inline">
        <input
          type="checkbox"
          checked={filter.isStartupOnly}
          onChange={(event) => onFilter({ ...filter, isStartupOnly: event.currentTarget.checked })}
        />
        start-up only
      </label>
      <label class="field-inline">
        <input
          type="checkbox"
          checked={filter.hidesCounts}
          onChange={(event) => onFilter({ ...filter, hidesCounts: event.currentTarget.checked })}
        />
        hide COUNTS
      </label>
      <label class="field-inline">
        engine
        <select
          value={filter.engine === null ? '' : String(filter.engine)}
          onChange={({ currentTarget: { value } }) =>
            onFilter({ ...filter, engine: value === '' ? null : Number(value) })
          }
        >
          <option value="">all</option>
          {engines.map((rank) => (
            <option key={rank} value={rank}>
              {rank}
            </option>
          ))}
        </select>
      </label>
      <label class="field-inline">
        type
        <select
          value={filter.type ?? ''}
          onChange={({ currentTarget: { value } }) =>
            onFilter({ ...filter, type: types.find((type) => type === value) ?? null })
          }
        >
          <option value="">all</option>
          {types.map((type) => (
            <option key={type} value={type}>
              {type}
            </option>
          ))}
        </select>
      </label>
      <label class="field-inline">
        find
        <input
          type="search"
          placeholder="type, request id, field …"
          value={filter.text}
          onInput={(event) => onFilter({ ...filter, text: event.currentTarget.value })}
        />
      </label>
    </fieldset>
  );
}
