/** Models that listen. Source: vllm/model_executor/models/{qwen2_audio,audioflamingo3}.py (0.33.0). */
import { buildHfWhisperEncoder, buildWhisperEncoder } from '../towers/whisper-encoder.ts';
import type { MultimodalArchitecture } from './multimodal-architecture.ts';
import { buildLinears } from './projectors.ts';

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
          buildWhisperEncoder(stage, sub('audio_config'), 'whisper_encoder');
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
];
