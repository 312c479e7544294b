/** Models that listen. Source: vllm/model_executor/models/{qwen2_audio,audioflamingo3}.py (0.33.0). */
import type { HfConfig } from '../hf-config.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildDasheng } from '../towers/dasheng.ts';
import { buildQwen3AudioEncoder } from '../towers/qwen-audio.ts';
import {
  audioEncoderSizes,
  buildHfWhisperEncoder,
  buildWhisperEncoder,
  buildWhisperEncoderLayer,
} from '../towers/whisper-encoder.ts';
import { subConfig } from './config-defaults.ts';
import type { MultimodalArchitecture, MultimodalConfig } from './multimodal-architecture.ts';
import { buildLinears } from './projectors.ts';
import { THINKER_NAMES } from './qwen-architectures.ts';

export const AUDIO_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['Qwen2AudioForConditionalGeneration'],
    textArchitecture: 'Qwen2ForCausalLM',
    towers: [
      {
        modalities: ['audio'],
        build: (stage, { text, sub }) => {
          const audio = sub('audio_config');
          buildHfWhisperEncoder(stage, audio, 'audio_tower');
          const widths = [audio.num('d_model'), text.num('hidden_size')];
          buildLinears(stage, ['multi_modal_projector.linear'], widths);
        },
      },
    ],
  },
  {
    architectures: ['AudioFlamingo3ForConditionalGeneration'],
    textArchitecture: 'Qwen2ForCausalLM',
    towers: [
      {
        modalities: ['audio'],
        build: (stage, { root, text, sub }) => {
          const audio = sub('audio_config');
          buildHfWhisperEncoder(stage, audio, 'audio_tower');
          const output = text.num('hidden_size');
          const names = ['multi_modal_projector.linear_1', 'multi_modal_projector.linear_2'];
          const widths = [audio.num('hidden_size'), output, output];
          buildLinears(stage, names, widths, root.flag('projector_bias'));
        },
      },
    ],
  },
  {
    architectures: ['MossTranscribeDiarizeForConditionalGeneration'],
    textArchitecture: 'Qwen3ForCausalLM',
    towers: [
      {
        modalities: ['audio'],
        build: (stage, { root, text, sub }) => {
          // Its config class takes every size by another name, but not this one.
          const audio = sub('audio_config').withDefaults({ encoder_ffn_dim: 1536 });
          buildWhisperEncoder(stage, audio, 'whisper_encoder', { split: true });
          const width = text.num('hidden_size');
          const input = root.num('adaptor_input_dim');
          buildLinears(
            stage,
            ['vq_adaptor.layers.0', 'vq_adaptor.layers.2'],
            [input, width, width],
          );
          stage.norm('vq_adaptor.layers.3', width, { bias: true });
        },
      },
    ],
  },
  {
    architectures: ['UltravoxModel'],
    language: (root) =>
      subConfig(root, root.has('text_config') ? 'text_config' : 'wrapped_model_config'),
    weightNames: [['audio_tower.model.encoder.', 'audio_tower.']],
    towers: [{ modalities: ['audio'], build: buildUltravox }],
  },
  {
    architectures: ['Qwen3ASRForConditionalGeneration', 'Qwen3ASRRealtimeGeneration'],
    language: (root) => subConfig(asrConfig(root), 'text_config'),
    textArchitecture: 'Qwen3ForCausalLM',
    weightNames: THINKER_NAMES,
    towers: [
      {
        modalities: ['audio'],
        build: (stage, { root }) => {
          const audio = subConfig(asrConfig(root), 'audio_config');
          buildQwen3AudioEncoder(stage, audio, 'audio_tower');
        },
      },
    ],
  },
  {
    architectures: ['MiDashengLMModel'],
    textArchitecture: 'Qwen2ForCausalLM',
    prefix: 'decoder',
    weightNames: [],
    towers: [
      {
        modalities: ['audio'],
        build: (stage, { root, text, sub }) => {
          const audio = sub('audio_encoder_config');
          buildDasheng(stage, audio, 'audio_encoder');
          const input = audio.num('embed_dim') * root.numOr('subsample_factor', 5);
          const output = text.num('hidden_size');
          stage.column('audio_projector.net.0', input, output, { bias: true });
          stage.row('audio_projector.net.2', output, output, { bias: true });
        },
      },
    ],
  },
  {
    architectures: ['VoxtralForConditionalGeneration'],
    weightNames: [],
    towers: [
      {
        modalities: ['audio'],
        build: (stage, { text, sub }) => {
          const audio = sub('audio_config');
          buildWhisperEncoder(stage, audio, 'whisper_encoder.whisper_encoder', {
            split: true,
            positionsDtype: 'float32',
          });
          const input = audioEncoderSizes(audio).width * audio.num('downsample_factor');
          const output = text.num('hidden_size');
          const names = ['audio_language_adapter.w_in', 'audio_language_adapter.w_out'];
          buildLinears(stage, names, [input, output, output], false);
        },
      },
    ],
  },
];

/** The part that thinks, or all of it. Source: vllm/transformers_utils/configs/qwen3_asr.py Qwen3ASRConfig. */
function asrConfig(root: HfConfig): HfConfig {
  return root.has('audio_config') ? root : subConfig(root, 'thinker_config');
}

/** Source: ultravox.py UltravoxFeedForwardProjector, UltravoxTransformerProjector. */
function buildUltravox(stage: StageBuilder, { root, text, sub }: MultimodalConfig): void {
  const audio = sub('audio_config');
  buildWhisperEncoder(stage, audio, 'audio_tower');
  const name = 'multi_modal_projector';
  const width = audioEncoderSizes(audio).width;
  const stacked = width * root.num('stack_factor');
  const output = text.num('hidden_size');
  stage.norm(`${name}.ln_pre`, stacked);
  const layers = root.numOr('num_projector_layers', 0);
  if (layers > 0) {
    stage.replicated(`${name}.linear_in`, stacked, width, { bias: true });
    stage.tensor(`${name}.embed_positions.weight`, [audio.num('max_source_positions'), width]);
    for (let layer = 0; layer < layers; layer++)
      buildWhisperEncoderLayer(stage, audio, `${name}.layers.${layer}`);
    stage.norm(`${name}.ln_post`, width);
    stage.replicated(`${name}.linear_out`, width, output, { bias: true });
    return;
  }
  const inner = root.num('hidden_size');
  const middle = root.strOr('projector_act', 'swiglu') === 'swiglu' ? Math.floor(inner / 2) : inner;
  stage.replicated(`${name}.linear_1`, stacked, inner);
  stage.replicated(`${name}.linear_2`, middle, output);
  if (root.flag('projector_ln_mid')) stage.norm(`${name}.ln_mid`, middle);
  else stage.norm(`${name}.ln_post`, output);
}
