import { useState } from 'preact/hooks';
import type { FrameDetail, FrameField } from '../../shared/tap/frame-line.ts';
import type { ByteRange } from './byte-range.ts';

interface FieldRowsProps {
  readonly detail: FrameDetail;
  readonly range: ByteRange | null;
  readonly onRange: (range: ByteRange | null) => void;
}

/** Fields that are there first; those at vLLM's default behind a button. */
export function FieldRows({ detail, range, onRange }: FieldRowsProps) {
  const [showsDefaults, setShowsDefaults] = useState(false);
  const source = sourceOf(detail.fields);
  const numDefaults = detail.fields.filter(({ is_default }) => is_default).length;
  return (
    <>
      {(detail.struct !== null || source !== null) && (
        <p class="quiet">
          {detail.struct !== null && (
            <>
              struct <code>{detail.struct}</code>{' '}
            </>
          )}
          {source !== null && (
            <>
              in <code>{source}</code>
            </>
          )}
        </p>
      )}
      <table class="fields">
        <thead>
          <tr>
            <th>field</th>
            <th>value</th>
            <th>meaning</th>
          </tr>
        </thead>
        <tbody>
          <Fields
            fields={detail.fields}
            depth={0}
            source={source}
            showsDefaults={showsDefaults}
            range={range}
            onRange={onRange}
          />
        </tbody>
      </table>
      {numDefaults > 0 && (
        <button type="button" class="link" onClick={() => setShowsDefaults(!showsDefaults)}>
          {showsDefaults ? 'Hide' : 'Show'} what was left out, at its default ({numDefaults})
        </button>
      )}
    </>
  );
}

interface FieldsProps extends Omit<FieldRowsProps, 'detail'> {
  readonly fields: readonly FrameField[];
  readonly depth: number;
  /** What has been said already of where the fields are defined. */
  readonly source: string | null;
  readonly showsDefaults: boolean;
}

function Fields(props: FieldsProps) {
  const { fields, showsDefaults } = props;
  return (
    <>
      {fields
        .filter(({ is_default }) => showsDefaults || !is_default)
        .map((field) => (
          <Field key={field.name} {...props} field={field} />
        ))}
    </>
  );
}

function Field(props: FieldsProps & { readonly field: FrameField }) {
  const { field, depth, source, range, onRange } = props;
  const isMadeOfFields = field.fields !== null && field.fields.length > 0;
  const inner = sourceOf(field.fields ?? []);
  const [isOpen, setIsOpen] = useState(depth === 0);
  const isMarked = range !== null && range === field.bytes;
  const mark = (): void => onRange(field.bytes);
  return (
    <>
      <tr
        class={`${isMarked ? 'is-marked' : ''} ${field.problem === null ? '' : 'is-wrong'}`}
        onMouseEnter={mark}
      >
        <th scope="row" style={{ paddingLeft: `${depth * 14}px` }}>
          <button
            type="button"
            class="field-name"
            aria-expanded={isMadeOfFields ? isOpen : undefined}
            onFocus={mark}
            onClick={() => setIsOpen(!isOpen)}
          >
            {isMadeOfFields ? (isOpen ? '▾ ' : '▸ ') : ''}
            {field.name}
          </button>
        </th>
        <td>
          <code>{isMadeOfFields ? summaryOf(field) : valueText(field.value)}</code>
          {field.problem !== null && <em class="problem">{field.problem}</em>}
        </td>
        <td class="meaning">
          {field.doc}
          {inner !== null && inner !== source && (
            <>
              {' '}
              Its fields: <code>{inner}</code>
            </>
          )}
        </td>
      </tr>
      {isMadeOfFields && isOpen && (
        <Fields {...props} fields={field.fields ?? []} depth={depth + 1} source={inner ?? source} />
      )}
    </>
  );
}

/** Where fields are defined: all of a struct in one place. */
function sourceOf(fields: readonly FrameField[]): string | null {
  return fields.find(({ source }) => source !== null)?.source ?? null;
}

function summaryOf({ value, fields }: FrameField): string {
  return Array.isArray(value) ? `[${value.length}]` : `{${fields?.length ?? 0} fields}`;
}

/** As JSON has it; text without its quotes. */
function valueText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');
}
