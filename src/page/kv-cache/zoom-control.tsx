import { CELL_SIZES } from './map-layout.ts';

interface ZoomControlProps {
  readonly cell: number | null;
  readonly onChange: (cell: number | null) => void;
}

export function ZoomControl({ cell, onChange }: ZoomControlProps) {
  return (
    <label class="field-inline">
      Block size
      <select
        value={cell ?? 'fit'}
        onChange={({ currentTarget: { value } }) =>
          onChange(value === 'fit' ? null : Number(value))
        }
      >
        <option value="fit">fit</option>
        {CELL_SIZES.map((size) => (
          <option key={size} value={size}>
            {size} px
          </option>
        ))}
      </select>
    </label>
  );
}
