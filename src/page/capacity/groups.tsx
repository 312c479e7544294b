import { withCommas } from '../figures.ts';
import { groupColour } from '../group-colour.ts';
import { ScrollX } from '../scroll-x.tsx';
import type { Explanation } from './explanation.ts';
import { groupRows, layerRows } from './layer-strip.ts';

interface GroupsProps {
  readonly explanation: Explanation;
}

/** A row a kind of layer, a column a layer of the model, in the colour of the group that holds it. */
export function LayerStrip({ explanation }: GroupsProps) {
  const { numLayers, rows } = layerRows(explanation);
  if (rows.length === 0) return <LayerCounts explanation={explanation} />;
  return (
    <div>
      {rows.map(({ label, cells }) => (
        <div key={label} class="layer-row">
          <span>
            {cells.length} × {label}
          </span>
          <svg
            viewBox={`0 0 ${numLayers} 1`}
            preserveAspectRatio="none"
            role="img"
            aria-label={`${cells.length} of ${numLayers} layers: ${label}`}
          >
            <rect class="elsewhere" width={numLayers} height="0.06" y="0.47" />
            {cells.map(({ name, group, column }) => (
              <rect
                key={name}
                x={column + 0.08}
                width="0.84"
                height="1"
                style={{ fill: groupColour(group) }}
              >
                <title>
                  {name}: group {group}
                </title>
              </rect>
            ))}
          </svg>
        </div>
      ))}
    </div>
  );
}

/** What there is to say of layers before they have groups. */
function LayerCounts({ explanation }: GroupsProps) {
  return (
    <ul class="layer-counts">
      {explanation.layers.map(({ label, num_layers, dtype, page_size_bytes }) => (
        <li key={label}>
          {num_layers} × {label}, {dtype}
          {page_size_bytes !== null && `, ${withCommas(page_size_bytes)} bytes a page`}
        </li>
      ))}
    </ul>
  );
}

export function GroupsTable({ explanation }: GroupsProps) {
  const rows = groupRows(explanation);
  if (rows.length === 0) return null;
  return (
    <ScrollX label="KV cache groups">
      <table class="groups-table">
        <thead>
          <tr>
            <th scope="col">groups</th>
            <th scope="col">layers each</th>
            <th scope="col">block_size</th>
            <th scope="col">page bytes</th>
            <th scope="col">blocks of one request</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ group, indices }) => (
            <tr key={indices[0]}>
              <th scope="row">
                {indices.map((index) => (
                  <span key={index} class="swatch" style={{ background: groupColour(index) }} />
                ))}{' '}
                {group.num_groups} × {group.label}
              </th>
              <td>{withCommas(group.num_layers_per_group)}</td>
              <td>{withCommas(group.block_size)}</td>
              <td>{group.page_sizes_bytes.map(withCommas).join(', ')}</td>
              <td>
                {withCommas(group.blocks_per_request)}
                <small>{group.formula}</small>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}
