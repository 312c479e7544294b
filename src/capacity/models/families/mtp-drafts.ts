/**
 * MTP drafts that are one decoder layer of Llama's shape behind a projection of two hidden states: MiMo and Ernie 4.5.
 * Source: vllm/model_executor/models/{mimo_mtp,ernie_mtp}.py (0.33.0).
 */
import { buildDraftLayer, type DraftLayer } from '../drafts/draft-layer.ts';
import type { HfConfig } from '../hf-config.ts';
import type { MtpDraft } from '../model-family.ts';

const NORMS = ['input_layernorm', 'post_attention_layernorm'];

interface MtpShape {
  /** The list that holds the layers; quantization methods know them as `layers`. */
  readonly list: string;
  /** Norms of the embedding and of the hidden state, and the projection. */
  readonly norms: readonly string[];
  readonly projection: string;
  /** The head can be the embedding. */
  readonly canTie: boolean;
  layer(text: HfConfig): Pick<DraftLayer, 'qkvBias' | 'outputBias' | 'mlpBias'>;
}

function mtpDraft(about: MtpShape): MtpDraft {
  return {
    layers: (text) => text.numOr('num_nextn_predict_layers', 0),
    build: (stage, { text }) => {
      const hiddenSize = text.num('hidden_size');
      const vocabSize = text.num('vocab_size');
      const options = { quantized: false };
      const first = text.num('num_hidden_layers');
      for (let offset = 0; offset < text.num('num_nextn_predict_layers'); offset++) {
        const own = `model.${about.list}.${first + offset}`;
        for (const norm of about.norms) stage.norm(`${own}.${norm}`, hiddenSize);
        stage.tensor(`${own}.${about.projection}.weight`, [hiddenSize, 2 * hiddenSize]);
        const name = `model.layers.${first + offset}`;
        buildDraftLayer(stage, text, { ...about.layer(text), name, norms: NORMS, window: null });
      }
      stage.embedding('model.embed_tokens', vocabSize, hiddenSize, options);
      if (about.canTie && text.flag('tie_word_embeddings')) return;
      stage.lmHead('lm_head', vocabSize, hiddenSize, options);
    },
  };
}

export const MIMO_MTP = mtpDraft({
  list: 'mtp_layers',
  norms: ['token_layernorm', 'hidden_layernorm', 'final_layernorm'],
  projection: 'input_proj',
  canTie: false,
  layer: () => ({ qkvBias: true }),
});

export const ERNIE_MTP = mtpDraft({
  list: 'layers',
  norms: ['mtp_emb_norm', 'mtp_hidden_norm'],
  projection: 'mtp_linear_proj',
  canTie: true,
  layer: (text) => {
    const bias = text.flag('attention_bias') || text.flag('bias');
    return { qkvBias: bias, outputBias: bias, mlpBias: text.flag('mlp_bias') };
  },
});
