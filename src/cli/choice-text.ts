// What was chosen for a KL divergence, and why, on stdout.

import type { FormatChoice, Quantization } from '../base/manifest.ts';
import { formatCount, formatTable } from './sizes.ts';

/** A line for each unit that was raised, and the whole; empty where nothing was chosen. */
export function choicesText(quantization: Pick<Quantization, 'choices'> = {}): string {
  return (quantization.choices ?? []).map(choiceText).join('');
}

function choiceText(choice: FormatChoice): string {
  const { dtype, target, format, raised, kl, standardError, tokens, heldOut, units } = choice;
  const text = heldOut ? 'tokens held out' : 'tokens, those it was chosen on';
  return [
    `${dtype} for a KL divergence of ${target}: ${figure(kl)} ± ${figure(standardError)} on `,
    `${formatCount(tokens)} ${text} (${format}: ${figure(choice.klUnraised)}`,
    choice.klRaised === undefined ? ')\n' : `, ${raised}: ${figure(choice.klRaised)})\n`,
    unitTable(units, format),
  ].join('');
}

function unitTable(units: FormatChoice['units'], format: string): string {
  if (units.length === 0) return '';
  const isRaised = (unit: FormatChoice['units'][number]): boolean => unit.format !== format;
  const raised = units.filter(isRaised).toSorted((a, b) => b.klAlone - a.klAlone);
  const left = units.filter((unit) => !isRaised(unit));
  return formatTable([
    ['', 'format', `KL in ${format}`, 'bytes more'],
    ...raised.map((unit) => [
      unit.pattern,
      unit.format,
      figure(unit.klAlone),
      formatCount(unit.bytes),
    ]),
    [
      left.length === 1 ? '1 other' : `${left.length} others`,
      format,
      figure(klOf(left)),
      formatCount(0),
    ],
    ['all', '', figure(klOf(units)), formatCount(bytesOf(raised))],
  ]);
}

function klOf(units: FormatChoice['units']): number {
  return units.reduce((sum, { klAlone }) => sum + klAlone, 0);
}

function bytesOf(units: FormatChoice['units']): number {
  return units.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** `0.049`, `4.8e-4` */
function figure(value: number): string {
  if (value === 0) return '0';
  return value >= 0.001 && value < 1000
    ? String(Number(value.toPrecision(2)))
    : value.toExponential(1).replace('e+', 'e');
}
