/** Values that many rows of the tables of architectures say. */
import type { HfConfig } from '../hf-config.ts';

export const UNTIED = { tie_word_embeddings: false } as const;

export const always = (): boolean => true;
export const attentionBias = (text: HfConfig): boolean => text.flag('attention_bias');
export const mlpBias = (text: HfConfig): boolean => text.flag('mlp_bias');
export const headNorm = (): 'head' => 'head';
