/**
 * Models of images and texts that pool.
 * Source: vllm/model_executor/models/{clip,siglip,colmodernvbert,embedding_gemma2}.py (0.33.0).
 */
import { CLIP_TEXT, SIGLIP_TEXT } from '../families/clip-text.ts';
import { EMBEDDING_GEMMA2_TEXT } from '../families/embedding-gemma2.ts';
import { MODERNVBERT_TEXT } from '../families/modernbert.ts';
import { buildClipTransformer } from '../towers/clip.ts';
import {
  buildGemma4Audio,
  buildGemma4Embedder,
  buildGemma4Vision,
} from '../towers/gemma4-encoders.ts';
import { buildSiglip, buildSiglipHead, buildSiglipTransformer } from '../towers/siglip.ts';
import type { MultimodalArchitecture, Tower } from './multimodal-architecture.ts';

const own = (name: string): string => name;

const CLIP_VISION: Tower = {
  modalities: ['image'],
  build: (stage, { root, sub }) => {
    const vision = sub('vision_config');
    buildClipTransformer(stage, vision, 'vision_model');
    const sizes = [root.numOr('projection_dim', 512), vision.num('hidden_size')];
    stage.tensor('visual_projection.weight', sizes);
  },
};

const SIGLIP_VISION: Tower = {
  modalities: ['image'],
  build: (stage, { sub }) => {
    const vision = sub('vision_config');
    buildSiglipTransformer(stage, vision, 'vision_model');
    const hasHead = !vision.hasKey('vision_use_head') || vision.flag('vision_use_head');
    if (hasHead) buildSiglipHead(stage, vision, 'vision_model.head');
  },
};

const MODERNVBERT_VISION: Tower = {
  modalities: ['image'],
  build: (stage, { root, text, sub }) => {
    const vision = sub('vision_config');
    buildSiglip(stage, vision, 'vision_model');
    const input = vision.num('hidden_size') * root.numOr('pixel_shuffle_factor', 4) ** 2;
    stage.tensor('connector.proj.weight', [text.num('hidden_size'), input]);
  },
};

const GEMMA_VISION: Tower = {
  modalities: ['image', 'video'],
  build: (stage, { root, text, sub }) => {
    if (!root.has('vision_config')) return;
    const vision = sub('vision_config');
    buildGemma4Vision(stage, vision, 'vision_tower');
    buildGemma4Embedder(stage, vision, text.num('hidden_size'), 'embed_vision');
  },
};

const GEMMA_AUDIO: Tower = {
  modalities: ['audio'],
  build: (stage, { root, text, sub }) => {
    if (!root.has('audio_config')) return;
    const audio = sub('audio_config');
    buildGemma4Audio(stage, audio, 'audio_tower');
    buildGemma4Embedder(stage, audio, text.num('hidden_size'), 'embed_audio');
  },
};

export const POOLING_ARCHITECTURES: readonly MultimodalArchitecture[] = [
  {
    architectures: ['CLIPModel'],
    textFamily: CLIP_TEXT,
    rename: own,
    towers: [CLIP_VISION],
    supportsPp: false,
  },
  {
    architectures: ['SiglipModel'],
    textFamily: SIGLIP_TEXT,
    rename: own,
    towers: [SIGLIP_VISION],
    supportsPp: false,
  },
  {
    architectures: ['ModernVBertModel', 'ColModernVBertForRetrieval'],
    textFamily: MODERNVBERT_TEXT,
    rename: own,
    towers: [MODERNVBERT_VISION],
    supportsPp: false,
  },
  {
    architectures: ['EmbeddingGemma2Model'],
    textFamily: EMBEDDING_GEMMA2_TEXT,
    towers: [GEMMA_VISION, GEMMA_AUDIO],
    supportsPp: false,
  },
];
