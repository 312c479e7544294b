/**
 * The draft beside a target: modules and layers of its own on the last pipeline stage, or nothing for drafts out of the prompt.
 * Source: vllm/v1/worker/gpu/spec_decode (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import type { JsonObject } from '../../../shared/json-object.ts';
import { EXPLICIT_LAYERS_HINT, HfConfig } from '../hf-config.ts';
import type { KnownModel } from '../model-family.ts';
import type { QuantizationConfig } from '../quantization/quantization-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { draftArchitecture } from './draft-architecture.ts';
import type { DraftTarget } from './draft-family.ts';
import { draftFamilyOf } from './draft-registry.ts';

/** Methods without a model. */
const NO_MODEL = ['ngram', 'ngram_gpu', 'suffix', 'custom_class'];
/** Methods whose model reads the target's states. */
const READS_STATES = ['eagle', 'eagle3', 'dflash', 'dspark'];

export function readsStates(method: string): boolean {
  return READS_STATES.includes(method);
}

export interface DraftInputs {
  readonly method: string;
  readonly model: KnownModel;
  /** The draft's config.json, where it has one of its own. */
  readonly draftConfig: JsonObject | null;
  /** The draft as a model of its own; builds it on a stage of its own. */
  buildIndependent(config: JsonObject): StageBuilder;
  quantizationOf(draft: HfConfig): QuantizationConfig | null;
}

/** Declares the draft on the stage `builder`. Throws E_UNKNOWN_MODEL where it is not understood. */
export function buildDraft(builder: StageBuilder, inputs: DraftInputs): void {
  const { method, model, draftConfig } = inputs;
  if (NO_MODEL.includes(method)) return;
  if (method === 'mtp' && model.family.mtp !== undefined) {
    const { mtp } = model.family;
    builder.asDraft(() => mtp.build(builder, model));
    return;
  }
  const hasOwnFile = readsStates(method) || method === 'mtp';
  if (hasOwnFile && draftConfig !== null) {
    const draft = new HfConfig(draftConfig, `draft of ${model.label}`, {
      tie_word_embeddings: false,
    });
    buildByArchitecture(builder, inputs, draft, draftArchitecture(draft, method));
    return;
  }
  if (method === 'dspark' && model.architecture === 'DeepseekV4ForCausalLM') {
    // Part of the target's own checkpoint.
    buildByArchitecture(builder, inputs, model.text, 'DSparkDraftModel');
    return;
  }
  if (method === 'draft_model' && draftConfig !== null) {
    builder.adopt(inputs.buildIndependent(draftConfig));
    return;
  }
  const needsModel = readsStates(method) || method === 'draft_model';
  const reason = needsModel
    ? 'needs the draft model as a catalogue name or folder'
    : 'is not known for this model';
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `${model.label}: --speculative-config method "${method}" ${reason}; ${EXPLICIT_LAYERS_HINT}`,
  );
}

function buildByArchitecture(
  builder: StageBuilder,
  { model, quantizationOf }: DraftInputs,
  draft: HfConfig,
  architecture: string,
): void {
  const { label } = draft;
  const family = draftFamilyOf(architecture, label);
  const target: DraftTarget = {
    model,
    numLayers: model.text.num('num_hidden_layers'),
    stageLayers: builder.layerRange(model.text.num('num_hidden_layers')).length,
    vocabSize: model.text.num('vocab_size'),
  };
  const build = (): void => family.build(builder, draft, target);
  if (family.isQuantizedApart) builder.asDraft(build, quantizationOf(draft));
  else builder.asDraft(build);
  checkNames(builder, label);
}

/** vLLM refuses a second layer of one name, as a draft numbered by its stage's layers can be on a later stage. */
function checkNames(builder: StageBuilder, label: string): void {
  const seen = new Set<string>();
  for (const { name } of builder.layers) {
    if (seen.has(name)) {
      throw new ConfigError('E_UNKNOWN_MODEL', `${label}: Duplicate layer name: ${name}`);
    }
    seen.add(name);
  }
}
