// What `compare` found as one page: nothing is loaded, and nothing needs a script to be read.

import { printable } from '../base/errors.ts';
import { tool } from '../base/version.ts';
import { binName, partsOf, positionPlot, sizePlot, layerPlot } from './compare-plots.ts';
import { type CompareReport, modelCells, modelHeads, subjectLine } from './compare-report.ts';
import { escaped, tag } from './markup.ts';
import { pageStyle } from './page-style.ts';
import { formatFigure } from './sizes.ts';

/** The page, which is the same for the same report. */
export function comparePage(report: CompareReport): string {
  const title = `${printable(report.folder)}: what smaller formats cost`;
  const head = [
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    // a browser that shows the page holds it to what is said above
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">`,
    '<link rel="icon" href="data:,">',
    tag('title', {}, escaped(title)),
    `<style>\n${pageStyle}</style>`,
  ];
  const body = [
    tag('h1', {}, escaped(title)),
    paragraph(subjectLine(report)),
    paragraph(report.runtime),
    section('Figures', figuresTable(report), paragraph(meaning)),
    ...plotted('Size and divergence', sizePlot(report)),
    ...plotted('Divergence by position', positionPlot(report), positionTable(report)),
    ...plotted('Error by layer', layerPlot(report), paragraph(rounding), layerTable(report)),
    tag('footer', {}, paragraph(`${tool.name} ${tool.version}`)),
  ];
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    ...head,
    '</head>',
    '<body>',
    ...body,
    '</body>',
    '</html>\n',
  ].join('\n');
}

const meaning =
  'KL is the Kullback-Leibler divergence, in nats, from the distribution of the next token by ' +
  'fp32 to that of the format, at each position of each window. Top-1 is the part of the ' +
  'positions where both find the same token likeliest. Perplexity is of the tokens that follow ' +
  'another in their window; lower is better. A KL of 0, or one that is not finite, has no place ' +
  'on the logarithmic axes below.';

const rounding =
  'How far the sums that run through the layers are from those of fp32 behind each layer: the root ' +
  'of the squared differences over that of the squared sums, on the first tokens of the text. ' +
  'Weights are those of the format, activations float32. It shows where error comes in, and where ' +
  'it is carried on.';

function plotted(title: string, picture: string, ...after: readonly string[]): readonly string[] {
  if (picture === '') return [];
  return [section(title, tag('figure', {}, picture), ...after)];
}

function figuresTable(report: CompareReport): string {
  return table(
    'Sizes and quality of the models',
    ['dtype', ...modelHeads],
    report.models.map((model) => [model.dtype, ...modelCells(model, report)]),
  );
}

function positionTable({ models }: CompareReport): string {
  const shown = models.flatMap(({ dtype, klByPosition }) =>
    klByPosition === undefined ? [] : [{ dtype, bins: klByPosition }],
  );
  const rows = (shown[0]?.bins ?? []).map(({ from, to }, index) => [
    binName(from, to),
    ...shown.map(({ bins }) => formatFigure(bins[index]?.kl ?? Number.NaN)),
  ]);
  return table('Mean KL by position', ['', ...shown.map(({ dtype }) => dtype)], rows);
}

function layerTable({ models }: CompareReport): string {
  const shown = models.filter(({ layerErrors }) => layerErrors !== undefined);
  const rows = partsOf(models).map((part) => [
    part,
    ...shown.map(({ layerErrors = [] }) => {
      const found = layerErrors.find((each) => each.part === part);
      return found ? formatFigure(found.error) : '';
    }),
  ]);
  const heads = ['', ...shown.map(({ dtype }) => dtype)];
  return table('Relative error behind each layer', heads, rows);
}

function section(title: string, ...content: readonly string[]): string {
  return tag('section', {}, tag('h2', {}, escaped(title)), ...content);
}

function paragraph(sentence: string): string {
  return tag('p', {}, escaped(sentence));
}

/** A table that scrolls by itself where the page is narrow. */
function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const [corner = '', ...columns] = heads;
  const first = corner === '' ? tag('td', {}) : tag('th', { scope: 'col' }, escaped(corner));
  const top = columns.map((head) => tag('th', { scope: 'col' }, escaped(head)));
  const lines = rows.map(([name = '', ...cells]) =>
    tag(
      'tr',
      {},
      tag('th', { scope: 'row' }, escaped(name)),
      ...cells.map((cell) => tag('td', {}, escaped(cell))),
    ),
  );
  return tag(
    'div',
    { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': caption },
    tag(
      'table',
      {},
      tag('caption', {}, escaped(caption)),
      tag('thead', {}, tag('tr', {}, first, ...top)),
      tag('tbody', {}, ...lines),
    ),
  );
}
