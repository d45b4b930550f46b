// Class logits as what people read: labels with probabilities.

import type { Encoder } from '../../base/decoding.ts';
import { ToolkitError } from '../../base/errors.ts';

export interface LabelScore {
  readonly label: string;
  readonly score: number;
}

/** What a classifier's config says of its outputs. */
export interface Labeling {
  readonly labels: readonly string[];
  /** `problem_type` of config.json. */
  readonly problemType: string | undefined;
}

/** What makes scores of logits. */
export type Scoring = 'softmax' | 'sigmoid' | 'none';

/** As transformers' pipeline decides it. */
export function scoringOf({ labels, problemType }: Labeling): Scoring {
  if (problemType === 'regression') return 'none';
  if (problemType === 'multi_label_classification' || labels.length === 1) return 'sigmoid';
  return 'softmax';
}

/** The labels of every row, best first. Errors count the rows from `first` on. */
export async function classify(
  encoder: Encoder,
  rows: readonly (readonly number[])[],
  labeling: Labeling,
  first = 0,
): Promise<readonly (readonly LabelScore[])[]> {
  for (const [index, { length }] of rows.entries()) checkLength(length, first + index, encoder);
  const scoring = scoringOf(labeling);
  const outputs = await encoder.encode(rows);
  return outputs.map((logits) => {
    if (logits.some((logit) => Number.isNaN(logit))) {
      throw new ToolkitError('RUNTIME_FAILED', 'the model computes logits that are no numbers', {
        fix: 'choose fp32: half floats may overflow in this model',
      });
    }
    return scoresOf(logits, scoring)
      .map((score, id) => ({ label: labeling.labels[id] ?? `LABEL_${id}`, score }))
      .toSorted((a, b) => b.score - a.score);
  });
}

function scoresOf(logits: Float32Array, scoring: Scoring): readonly number[] {
  const values = [...logits];
  if (scoring === 'none') return values;
  if (scoring === 'sigmoid') return values.map((logit) => 1 / (1 + Math.exp(-logit)));
  const most = Math.max(...values);
  const weights = values.map((logit) => Math.exp(logit - most));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function checkLength(length: number, index: number, { maxPositions }: Encoder): void {
  const where = { text: index + 1, tokens: length, positions: maxPositions };
  if (length === 0) {
    throw new ToolkitError('USAGE', 'a text has no tokens', { where, fix: 'leave it out' });
  }
  if (length > maxPositions) {
    throw new ToolkitError(
      'UNSUPPORTED_SIZE',
      'a text is longer than the model has positions for',
      {
        where,
        fix: 'shorten the text',
      },
    );
  }
}
