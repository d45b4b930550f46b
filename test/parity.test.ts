// The proof on the runtime that most users deploy: every golden case, both targets.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { modelPaths, type Target, type WeightFormat } from '../src/base/manifest.ts';

import { countNodes, type NodeCounts } from '../src/ir/count.ts';
import { decodeModel } from '../src/onnx/decode.ts';
import type { VerifyReport } from '../src/validate/report.ts';
import { goldenCases } from './golden-case.ts';
import { must } from './must.ts';
import { convertCase, goldenOf, type OutputFolder, verifyFolder } from './output-folder.ts';

const targets: readonly Target[] = ['onnxruntime', 'portable'];

/** Largest difference of any output in any stage, in float32. */
const worstDifference = 1e-4;

interface Measured {
  readonly output: OutputFolder;
  readonly report: VerifyReport;
  readonly failed: readonly string[];
}

async function measure(name: string, target: Target, dtype: WeightFormat): Promise<Measured> {
  const output = await convertCase(name, { dtypes: [dtype], target, debug: true });
  const { passed, files } = await verifyFolder(output, await goldenOf(name));
  const { report } = must(files[0], 'report');
  const failed = report.checks.filter(({ status }) => status === 'fail').map(({ id }) => id);
  expect(passed).toBe(failed.length === 0);
  return { output, report, failed };
}

/** The stages that ran on any prompt. */
function stagesOf({ prompts }: VerifyReport): readonly string[] {
  const stages = prompts.flatMap((prompt) => prompt.stages.map(({ stage }) => stage));
  return [...new Set(stages)].toSorted();
}

async function nodesOf({ path }: OutputFolder): Promise<NodeCounts> {
  return countNodes(decodeModel(await readFile(join(path, modelPaths.fp32))).graph);
}

const cachedStages = [
  'chunked',
  'decode',
  'full',
  'last-token',
  'padded-chunks',
  'padded-left',
  'padded-right',
];
const plainStages = ['full', 'padded-left', 'padded-right'];

/** Nodes of a layer, one more for each bias, and of the whole graph. */
const nodes: Readonly<Record<string, readonly [perLayer: number, total: number]>> = {
  'base-model': [8, 56],
  'clm-bf16': [8, 72],
  'clm-biases-untied': [12, 102],
  'clm-default': [8, 80],
  'clm-legacy-bin': [8, 80],
  'cls-three-labels': [8, 72],
  shakespeare: [8, 96],
  'shakespeare-mood': [8, 86],
};

describe.each(goldenCases)('%s', (name) => {
  test.each(targets)('agrees with transformers in float32, for %s', async (target) => {
    const { output, report, failed } = await measure(name, target, 'fp32');
    expect(failed).toEqual([]);
    expect(report.figures['maxDifference']).toBeLessThanOrEqual(worstDifference);
    const generates = report.task === 'text-generation';
    expect(report.figures['greedy']).toBe(generates ? 1 : undefined);
    expect(stagesOf(report)).toEqual(generates ? cachedStages : plainStages);
    const { perLayer, total } = await nodesOf(output);
    expect([perLayer, total]).toEqual(nodes[name]);
  });
});

describe.each(['shakespeare', 'shakespeare-mood'])('%s', (name) => {
  test.each(targets)('agrees with transformers in half floats, for %s', async (target) => {
    const { report, failed } = await measure(name, target, 'fp16');
    expect(failed).toEqual([]);
    expect(report.checks.some(({ metric }) => metric === 'kl')).toBe(true);
    // halves that are as exact as floats would be floats
    expect(report.figures['maxDifference']).toBeGreaterThan(worstDifference);
  });
});
