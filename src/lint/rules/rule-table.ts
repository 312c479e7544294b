import type { Severity } from '../finding.ts';

export interface LintRule {
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  readonly why: string;
  readonly source: string;
  readonly remedy: string;
  readonly example: string;
  readonly mended: string;
}

export const RULES: readonly LintRule[] = [];
