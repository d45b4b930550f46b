// What the action does: convert, verify on a second runtime, report. Inputs come in environment
// variables and go on as separate arguments, so that nothing of them is read by a shell.

import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const env = process.env;
const input = (name) => env[`INPUT_${name}`]?.trim() ?? '';
const reports = env.REPORT_FOLDER || 'modernbert-onnx-report';
const junit = join(reports, 'junit.xml');
const page = join(reports, 'report.html');
const output = input('OUTPUT') || 'onnx-model';

/** An option, where its input has a value; one word, so that a value cannot be an option. */
const option = (name, value) => (value === '' ? [] : [`--${name}=${value}`]);

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `error: Node.js 20.19 or later is needed, and this is ${process.version}: ` +
      'use actions/setup-node before this action\n',
  );
  process.exit(69);
}

mkdirSync(reports, { recursive: true });
// of an earlier step of the same job
rmSync(junit, { force: true });
const gates = input('GATES').split(/\s+/).filter(Boolean);
const converted = tool([
  'convert',
  '--verify',
  `--output=${output}`,
  ...option('dtype', input('DTYPES')),
  ...option('target', input('TARGET')),
  ...option('revision', input('REVISION')),
  ...option('golden', input('GOLDEN')),
  '--json',
  '--',
  input('SOURCE'),
]);
const last = converted.status === 0 ? verified() : converted;
report(last, converted.status === 0);
process.exit(last.status);

/** The models on ONNX Runtime: the second opinion. */
function verified() {
  return tool([
    'verify',
    '--runtime=onnxruntime',
    '--no-record',
    ...option('golden', input('GOLDEN')),
    ...gates.map((gate) => `--gate=${gate}`),
    `--junit=${junit}`,
    '--json',
    '--',
    output,
  ]);
}

/** Runs the package. MODERNBERT_ONNX is another command for it, as a JSON list of words. */
function tool(args) {
  const version = input('VERSION') || 'latest';
  const npx = ['npx', '-y', '-p', `modernbert-onnx@${version}`, '-p', 'onnxruntime-node'];
  const [program, ...before] = env.MODERNBERT_ONNX
    ? JSON.parse(env.MODERNBERT_ONNX)
    : [...npx, 'modernbert-onnx'];
  const { status, stdout, error } = spawnSync(program, [...before, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
    // the prebuilt CPU runtime is in the package, and only CUDA would be downloaded
    env: { ...env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
  if (error) process.stderr.write(`error: ${program} cannot be started: ${error.message}\n`);
  return { status: status ?? 70, document: parse(stdout ?? '') };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function report({ status, document }, isWritten) {
  const verdict = status === 0 ? 'pass' : status === 1 ? 'fail' : 'error';
  const rows = (document.reports ?? []).map(rowOf);
  const heads = ['model', 'runtime', 'verdict', 'mean KL', 'checks that failed'];
  const says = document.error?.message ?? '';
  // a conversion that drifts writes no JUnit of its own
  if (!existsSync(junit)) writeFileSync(junit, junitOf(rows, verdict, says));
  writeFileSync(page, pageOf(verdict, says, heads, rows));
  const golden = join(output, 'golden.safetensors');
  append('GITHUB_STEP_SUMMARY', markdownOf(verdict, says, heads, rows));
  append('GITHUB_OUTPUT', outputLine('verdict', verdict));
  append('GITHUB_OUTPUT', outputLine('folder', isWritten ? output : ''));
  append('GITHUB_OUTPUT', outputLine('golden', existsSync(golden) ? golden : input('GOLDEN')));
}

function rowOf({ file, runtime, verdict, figures, checks }) {
  const failed = checks.filter((check) => check.status === 'fail').map(({ id }) => id);
  return [file, runtime, verdict, String(figures.meanKl ?? '-'), failed.join(', ')];
}

function append(name, text) {
  if (env[name]) appendFileSync(env[name], text);
  else if (name === 'GITHUB_STEP_SUMMARY') process.stdout.write(text);
}

function outputLine(name, value) {
  return `${name}=${value.replaceAll(/[\r\n]/g, ' ')}\n`;
}

function cell(text) {
  return escaped(text).replaceAll(/[\\`*_[\]|]/g, String.raw`\$&`);
}

function markdownOf(verdict, says, heads, rows) {
  const line = (cells) => `| ${cells.map(cell).join(' | ')} |\n`;
  const table =
    rows.length === 0
      ? ''
      : line(heads) + `|${' --- |'.repeat(heads.length)}\n` + rows.map(line).join('');
  return `### modernbert-onnx: ${verdict}\n\n${cell(says)}${says && '\n\n'}${table}\n`;
}

function pageOf(verdict, says, heads, rows) {
  const line = (name, cells) =>
    `<tr>${cells.map((text) => `<${name}>${escaped(text)}</${name}>`).join('')}</tr>\n`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>modernbert-onnx: ${verdict}</title>
<style>body { font: 1rem system-ui; margin: 2rem } td, th { padding: 0.3rem 0.8rem; text-align: left }</style>
<h1>modernbert-onnx: ${verdict}</h1>
<p>${escaped(says)}</p>
<table>
${line('th', heads)}${rows.map((row) => line('td', row)).join('')}</table>
</html>
`;
}

function junitOf(rows, verdict, says) {
  const failed = rows.filter((row) => row[2] === 'fail');
  const cases = rows.map(
    ([file, , found, kl, checks]) =>
      `  <testcase classname="${escaped(file)}" name="convert">${
        found === 'fail' ? `<failure message="${escaped(`KL ${kl}: ${checks}`)}"/>` : ''
      }</testcase>\n`,
  );
  if (verdict === 'error') {
    cases.push(
      `  <testcase classname="convert" name="convert"><error message="${escaped(says)}"/></testcase>\n`,
    );
  }
  const errors = verdict === 'error' ? 1 : 0;
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="modernbert-onnx"><testsuite name="convert" tests="${cases.length}" failures="${failed.length}" errors="${errors}">
${cases.join('')}</testsuite></testsuites>
`;
}

function escaped(text) {
  const names = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, (sign) => names[sign]).replaceAll(/[\p{Cc}]/gu, ' ');
}
