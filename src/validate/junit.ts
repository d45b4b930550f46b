// Reports as JUnit XML, which continuous integration displays: a suite for each model file, a test
// case for each check.

import type { Check } from './gates.ts';
import type { VerifyReport } from './report.ts';
import { figure } from './report-text.ts';

export interface FileReport {
  /** Path of the model in its folder. */
  readonly file: string;
  readonly report: VerifyReport;
}

/** The XML document. */
export function toJUnit(reports: readonly FileReport[], toolVersion: string): string {
  const checks = reports.flatMap(({ report }) => report.checks);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="modernbert-onnx" ${counts(checks)}>`,
    ...reports.flatMap((report) => suite(report, toolVersion)),
    '</testsuites>',
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function suite({ file, report }: FileReport, toolVersion: string): readonly string[] {
  const properties = {
    tool: `modernbert-onnx ${toolVersion}`,
    runtime: report.runtime,
    dtype: report.dtype,
    task: report.task,
  };
  return [
    `  <testsuite name="${escapeXml(file)}" ${counts(report.checks)}>`,
    '    <properties>',
    ...Object.entries(properties).map(
      ([name, value]) => `      <property name="${name}" value="${escapeXml(value)}"/>`,
    ),
    '    </properties>',
    ...report.checks.flatMap((check) => testCase(file, check)),
    '  </testsuite>',
  ];
}

function testCase(file: string, check: Check): readonly string[] {
  const open = `    <testcase classname="${escapeXml(file)}" name="${escapeXml(check.id)}"`;
  const message = messageOf(check);
  if (check.status === 'fail') {
    return [`${open}>`, `      <failure message="${escapeXml(message)}"/>`, '    </testcase>'];
  }
  if (check.status === 'info') {
    return [`${open}>`, `      <system-out>${escapeXml(message)}</system-out>`, '    </testcase>'];
  }
  return [`${open}/>`];
}

function messageOf({ metric, value, threshold, where }: Check): string {
  const limit = threshold === undefined ? '' : `, threshold ${figure(threshold)}`;
  return `${metric} ${figure(value)}${limit} (${where})`;
}

function counts(checks: readonly Check[]): string {
  const failures = checks.filter(({ status }) => status === 'fail').length;
  return `tests="${checks.length}" failures="${failures}" errors="0" skipped="0"`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** Text for an element or an attribute; what XML 1.0 cannot hold becomes a replacement character. */
export function escapeXml(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\p{Cs}\ufffe\uffff]/gu, '\u{fffd}')
    .replace(/[&<>"\t\n\r]/g, (character) => entities[character] ?? character);
}
