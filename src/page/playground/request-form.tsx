import type { TargetedEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { reasonOf } from '../reason-of.ts';
import type { TabName } from '../tab-props.ts';
import { endGeneration, type Generation, startGeneration, takeChunk } from './generation.ts';
import { GenerationView } from './generation-view.tsx';
import { NumberField } from './number-field.tsx';
import { type Api, type GenerationRequest, streamGeneration } from './send-request.ts';

interface RequestFormProps {
  readonly api: Api;
  readonly models: readonly string[];
  readonly onOpenTab: (tab: TabName) => void;
}

const FIRST_PROMPT = 'Explain in one paragraph what a KV cache block is.';

export function RequestForm({ api, models, onOpenTab }: RequestFormProps) {
  const [fields, setFields] = useState<GenerationRequest>({
    endpoint: 'completions',
    model: '',
    prompt: FIRST_PROMPT,
    maxTokens: 128,
    temperature: 1,
    n: 1,
    ignoreEos: true,
  });
  const [generation, setGeneration] = useState<Generation | null>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const change = (part: Partial<GenerationRequest>): void => setFields({ ...fields, ...part });
  const model = models.includes(fields.model) ? fields.model : (models[0] ?? '');
  const isUnderWay = generation?.status === 'sent' || generation?.status === 'streaming';

  async function send(): Promise<void> {
    const abort = new AbortController();
    running.current = abort;
    const sentAt = performance.now();
    const elapsed = (): number => performance.now() - sentAt;
    let now = startGeneration(fields.n);
    const show = (next: Generation): void => {
      now = next;
      setGeneration(next);
    };
    show(now);
    try {
      await streamGeneration(api, { ...fields, model }, abort.signal, (chunk) =>
        show(takeChunk(now, chunk, elapsed())),
      );
      show(endGeneration(now, { status: 'finished', error: null }, elapsed()));
    } catch (error) {
      const end = abort.signal.aborted
        ? ({ status: 'cancelled', error: null } as const)
        : ({
            status: 'failed',
            error: reasonOf(error),
          } as const);
      show(endGeneration(now, end, elapsed()));
    }
  }

  const onSubmit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (!isUnderWay) void send();
  };
  return (
    <section class="card" aria-label="Request">
      <h2>Send a request</h2>
      <form onSubmit={onSubmit}>
        <div class="field-row">
          <label class="field">
            <span>Endpoint</span>
            <select
              value={fields.endpoint}
              onChange={({ currentTarget }) =>
                change({ endpoint: currentTarget.value === 'chat' ? 'chat' : 'completions' })
              }
            >
              <option value="completions">completion</option>
              <option value="chat">chat</option>
            </select>
          </label>
          <label class="field grows">
            <span>Model</span>
            <select
              value={model}
              onChange={({ currentTarget }) => change({ model: currentTarget.value })}
            >
              {models.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        </div>
        <label class="field">
          <span>Prompt</span>
          <textarea
            rows={5}
            value={fields.prompt}
            onInput={({ currentTarget }) => change({ prompt: currentTarget.value })}
          />
        </label>
        <div class="field-row">
          <NumberField
            label="max_tokens"
            min={1}
            max={100_000}
            value={fields.maxTokens}
            onChange={(maxTokens) => change({ maxTokens })}
          />
          <NumberField
            label="temperature"
            min={0}
            max={2}
            step={0.1}
            value={fields.temperature}
            onChange={(temperature) => change({ temperature })}
          />
          <NumberField
            label="n"
            min={1}
            max={16}
            value={fields.n}
            onChange={(n) => change({ n })}
          />
          <label class="check">
            <input
              type="checkbox"
              checked={fields.ignoreEos}
              onChange={({ currentTarget }) => change({ ignoreEos: currentTarget.checked })}
            />
            ignore_eos
          </label>
        </div>
        <div class="button-row">
          <button type="submit" class="primary" disabled={isUnderWay}>
            Send
          </button>
          <button type="button" disabled={!isUnderWay} onClick={() => running.current?.abort()}>
            Cancel
          </button>
        </div>
      </form>
      {generation !== null && <GenerationView generation={generation} onOpenTab={onOpenTab} />}
    </section>
  );
}
