import { expect, test } from 'vitest';
import { toyGolden } from '../../test/toy-golden.ts';
import { toyConfig, toyRunner, type ToyOptions } from '../../test/toy-model.ts';
import { escapeXml, toJUnit } from './junit.ts';
import { verifyRunner } from './protocol.ts';
import { figure, printReport } from './report-text.ts';
import type { VerifyReport } from './report.ts';

async function verify(options: ToyOptions = {}): Promise<VerifyReport> {
  const task = options.task ?? 'text-generation';
  return verifyRunner(toyRunner(options), toyGolden({ task }), toyConfig(), task, 'fp32');
}

test('a table has a row for each prompt, and the verdict in its last line', async () => {
  expect(printReport(await verify())).toMatchInlineSnapshot(`
    "prompt       tokens  worst stage  difference  KL  top-1  greedy  verdict
    batch-left       25  full                  0   0  100 %   18/18  pass
    batch-right      14  full                  0   0  100 %   12/12  pass
    long             40  full                  0   0  100 %     6/6  pass
    one               1  full                  0   0  100 %     6/6  pass
    short             7  full                  0   0  100 %     6/6  pass
    pass: fp32 on toy, worst difference 0 (0 of the largest value) at batch-left full
    "
  `);
});

test('failures stand between the table and the verdict', async () => {
  const report = await verify({ fault: 'a chunk sees its future' });
  expect(printReport(report)).toMatchInlineSnapshot(`
    "prompt       tokens  worst stage  difference      KL  top-1  greedy  verdict
    batch-left       25  full                  0       0  100 %   18/18  pass
    batch-right      14  full                  0       0  100 %   12/12  pass
    long             40  chunked           0.497  0.0247  100 %     6/6  fail
    one               1  full                  0       0  100 %     6/6  pass
    short             7  chunked           0.489  0.0173  100 %     6/6  fail
    fail: long chunked: difference 0.225 against 5.0e-5 (row 0, token 22, index 4)
    fail: long chunked: kl 0.0247 against 1.0e-6 (row 0, token 22, index 4)
    fail: long padded-chunks: difference 0.225 against 5.0e-5 (row 0, token 22, index 4)
    fail: long padded-chunks: kl 0.0247 against 1.0e-6 (row 0, token 22, index 4)
    fail: short chunked: difference 0.221 against 5.0e-5 (row 0, token 4, index 1)
    fail: short chunked: kl 0.0173 against 1.0e-6 (row 0, token 4, index 1)
    fail: short padded-chunks: difference 0.221 against 5.0e-5 (row 0, token 4, index 1)
    fail: short padded-chunks: kl 0.0173 against 1.0e-6 (row 0, token 4, index 1)
    fail: fp32 on toy, worst difference 0.497 (0.225 of the largest value) at long chunked
    "
  `);
});

test('features have neither divergence nor choices', async () => {
  expect(printReport(await verify({ task: 'feature-extraction' }))).toMatchInlineSnapshot(`
    "prompt       tokens  worst stage  difference  KL  top-1  greedy  verdict
    batch-left       25  full                  0   -      -       -  pass
    batch-right      14  full                  0   -      -       -  pass
    long             40  full                  0   -      -       -  pass
    one               1  full                  0   -      -       -  pass
    short             7  full                  0   -      -       -  pass
    pass: fp32 on toy, worst difference 0 (0 of the largest value) at batch-left full
    "
  `);
});

test('a prompt name cannot write to the terminal', async () => {
  const report = await verify();
  const prompts = report.prompts.map((prompt) => ({ ...prompt, name: '\u001b[2Jx' }));
  const text = printReport({ ...report, prompts, worst: { ...report.worst, prompt: '\u001b[2J' } });
  expect(text).not.toContain('\u001b');
});

test('a report is plain data', async () => {
  const report = await verify();
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  expect(report.recorded).toEqual({ toy: '1.0' });
});

test.each([
  [0, '0'],
  [3.14e-5, '3.1e-5'],
  [0.0123456, '0.0123'],
  [12.3456, '12.3'],
  [123_456, '1.2e+5'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
])('%f is printed as %s', (value, text) => {
  expect(figure(value)).toBe(text);
});

// Elements, attributes and text of a document, or undefined where it is not well-formed.
function parseXml(text: string): readonly string[] | undefined {
  const seen: string[] = [];
  const open: string[] = [];
  const token =
    /<\?xml [^?<>]*\?>|<(\/?)([\w-]+)((?: [\w-]+="[^"<&]*(?:&(?:amp|lt|gt|quot|#\d+);[^"<&]*)*")*)(\/?)>|[^<&]+|&(?:amp|lt|gt|quot|#\d+);/y;
  while (token.lastIndex < text.length) {
    const found = token.exec(text);
    if (found === null) return undefined;
    const [, closing, name, , empty] = found;
    if (name === undefined) continue;
    if (closing === '/') {
      if (open.pop() !== name) return undefined;
    } else {
      seen.push(name);
      if (empty !== '/') open.push(name);
    }
  }
  return open.length === 0 ? seen : undefined;
}

test('JUnit has a suite for each file and a case for each check', async () => {
  const right = await verify();
  const wrong = await verify({ fault: 'a chunk sees its future' });
  const xml = toJUnit(
    [
      { file: 'onnx/model.onnx', report: right },
      { file: 'onnx/model_fp16.onnx', report: wrong },
    ],
    '1.2.3',
  );
  const elements = parseXml(xml);
  const count = (name: string): number => elements?.filter((seen) => seen === name).length ?? 0;
  const failures = wrong.checks.filter(({ status }) => status === 'fail').length;
  expect(failures).toBeGreaterThan(0);
  expect(count('testsuite')).toBe(2);
  expect(count('testcase')).toBe(right.checks.length + wrong.checks.length);
  expect(count('failure')).toBe(failures);
  expect(xml).toContain(`failures="${failures}"`);
  expect(xml).toContain('<property name="tool" value="modernbert-onnx 1.2.3"/>');
  expect(xml).toContain('<property name="runtime" value="toy"/>');
  expect(xml).toContain('<property name="dtype" value="fp32"/>');
  expect(xml).toContain(
    '<testcase classname="onnx/model_fp16.onnx" name="long/chunked/difference">',
  );
});

test('JUnit stays well-formed whatever a name holds', async () => {
  const report = await verify({ fault: 'a chunk sees its future' });
  const id = `"<&>'\n\u0000\u001b\ud800\uffff]]>`;
  const checks = report.checks.map((check) => ({ ...check, id, where: id }));
  const xml = toJUnit([{ file: id, report: { ...report, checks } }], '1.2.3');
  expect(parseXml(xml)).toBeDefined();
  expect(xml).not.toMatch(/[\u0000-\u0008\u001b\uffff]/);
  expect(xml).not.toMatch(/\p{Cs}/u);
});

test('XML text is escaped, and what XML cannot hold is replaced', () => {
  expect(escapeXml('a<b> & "c"\n\u0007')).toBe('a&lt;b&gt; &amp; &quot;c&quot;&#10;\u{fffd}');
  expect(escapeXml('\u{1f600}')).toBe('\u{1f600}');
});
