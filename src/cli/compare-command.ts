// `compare`: what smaller formats cost on a text, held against fp32 of the same folder.

import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { modelPaths, type RecordedComparison, withComparisons } from '../base/manifest.ts';
import { type Model, modelOf } from '../base/model.ts';
import type { Runner } from '../base/runner.ts';
import { nodeSha256 } from '../onnx/file-sink.ts';
import { batchFor, compareModels, type TextComparison } from '../validate/compare.ts';
import { checkHashes } from '../verify.ts';
import type { Context, Outcome } from './command.ts';
import type { CompareFlags } from './compare-grammar.ts';
import { errorsByLayer, type LayerErrors } from './compare-layers.ts';
import { comparePage } from './compare-page.ts';
import { type ComparedModel, type CompareReport, compareText } from './compare-report.ts';
import { openSubject, type Subject } from './compare-subject.ts';
import { runtimeOpener } from './open-runtime.ts';
import { checkReportPlace, record, writePage } from './report-files.ts';
import { formatCount } from './sizes.ts';

export async function compareCommand(
  path: string,
  flags: CompareFlags,
  context: Context,
): Promise<Outcome> {
  if (flags.html !== undefined) await checkReportPlace('page', flags.html);
  const subject = await openSubject(path, flags);
  // what is recorded is said of the files that the manifest lists
  if (flags.record) await checkHashes(subject.output, subject.manifest, nodeSha256);
  const runtime = await openRunners(path, subject, flags, context);
  const comparison = await measure(subject, runtime, context).finally(() => closeAll(runtime));
  const report = reportOf(
    subject,
    runtime[0].name,
    comparison,
    await errorsByLayer(subject, context),
  );
  if (flags.record) {
    const comparisons = comparisonsOf(report, subject.sha256);
    await record(path, withComparisons(subject.manifest, comparisons), context);
  }
  if (flags.html !== undefined) {
    await writePage(flags.html, comparePage(report), context.interrupts);
  }
  return { passed: true, text: compareText(report), document: { ...report } };
}

type Runners = readonly [Runner, ...Runner[]];

/** All of them at once: together they are about twice the size of fp32. */
async function openRunners(
  path: string,
  { candidates: [base, ...others] }: Subject,
  { runtime }: CompareFlags,
  { messages, progress }: Context,
): Promise<Runners> {
  const open = runtimeOpener(runtime, join(path, 'onnx'), messages);
  progress.status(`loading ${base.dtype}`);
  const runners: [Runner, ...Runner[]] = [await open(base.name)];
  try {
    for (const { dtype, name } of others) {
      progress.status(`loading ${dtype}`);
      runners.push(await open(name));
    }
    return runners;
  } catch (error) {
    await closeAll(runners);
    throw error;
  }
}

async function closeAll(runners: Runners): Promise<void> {
  for (const runner of runners) await runner.close();
}

async function measure(
  { config, windows }: Subject,
  [base, ...others]: Runners,
  { progress }: Context,
): Promise<TextComparison> {
  const { length, count } = windows;
  const toModel = (runner: Runner): Model => modelOf(runner, config, 'text-generation');
  return await compareModels(toModel(base), others.map(toModel), windows, {
    batch: batchFor(length, config.vocabSize),
    onBatch: async (done) => {
      const [tokens, total] = [done * length, count * length];
      progress.update({ stage: 'tokens compared', done: tokens, total, format: formatCount });
      // signals are noticed between batches
      await setImmediate();
    },
  });
}

function reportOf(
  { folder, text, windows, candidates }: Subject,
  runtime: string,
  { base, others }: TextComparison,
  errors: LayerErrors,
): CompareReport {
  const { length, count, left } = windows;
  const found = [base, ...others];
  return {
    runtime,
    folder,
    text,
    window: length,
    windows: count,
    tokens: count * length,
    left,
    models: candidates.map(({ dtype, bytes }, index): ComparedModel => {
      const figures = found[index] ?? { perplexity: Number.NaN };
      const layerErrorsOf = errors.get(dtype);
      return {
        dtype,
        file: modelPaths[dtype],
        bytes,
        ...figures,
        ...(layerErrorsOf && { layerErrors: layerErrorsOf }),
      };
    }),
  };
}

/** For the manifest. */
function comparisonsOf(
  { runtime, tokens, window, models }: CompareReport,
  text: string,
): readonly RecordedComparison[] {
  return models.map(({ dtype, perplexity, kl, klMax, top1 }) => ({
    dtype,
    runtime,
    text,
    tokens,
    window,
    figures: {
      perplexity,
      ...(kl !== undefined && { meanKl: kl }),
      ...(klMax !== undefined && { maxKl: klMax }),
      ...(top1 !== undefined && { top1 }),
    },
  }));
}
