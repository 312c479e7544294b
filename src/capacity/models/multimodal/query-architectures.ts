/** Models whose connector asks the encoder with learned queries. Source: vllm/model_executor/models/{blip2,granite_speech}.py. */

import { linear } from '../linear.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { buildBlipVision } from '../towers/blip.ts';
import { buildGraniteConformer } from '../towers/conformer.ts';
import { buildQFormer } from '../towers/qformer.ts';
import type { MultimodalArchitecture, MultimodalConfig } from './multimodal-architecture.ts';

function buildGraniteSpeech(stage: StageBuilder, { root, text, sub }: MultimodalConfig): void {
  const projector = sub('projector_config');
  const width = projector.num('hidden_size');
  const queries = Math.floor(root.num('window_size') / root.num('downsample_rate'));
  buildGraniteConformer(stage, sub('encoder_config'), 'encoder');
  stage.tensor('projector.query', [1, queries, width]);
  buildQFormer(stage, projector, 'projector.qformer');
  linear(stage, 'projector.linear', width, text.num('hidden_size'));
}

export const QUERY_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['Blip2ForConditionalGeneration'],
    everyStage: (stage, { root, sub }) => {
      const width = sub('qformer_config').num('hidden_size');
      stage.tensor('query_tokens', [1, root.num('num_query_tokens'), width]);
    },
    towers: [
      {
        modalities: ['image'],
        build: (stage, { text, sub }) => {
          const qformer = sub('qformer_config');
          buildBlipVision(stage, sub('vision_config'), 'vision_model');
          buildQFormer(stage, qformer, 'qformer');
          const width = qformer.num('hidden_size');
          linear(stage, 'language_projection', width, text.num('hidden_size'));
        },
      },
    ],
  },
  {
    architectures: [
      'GraniteSpeechForConditionalGeneration',
      'GraniteSpeechPlusForConditionalGeneration',
    ],
    towers: [{ modalities: ['audio'], build: buildGraniteSpeech }],
  },
];
