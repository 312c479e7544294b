/** The results as JUnit's XML, which code hosts and CI systems show: a test case a check, skipped where it does not apply. */
import type { CheckResult } from '../check.ts';
import { type ConformReport, countOf } from './report.ts';

export function junitReport(report: ConformReport): string {
  const { side, vllmVersion, checks } = report;
  const counts =
    `tests="${checks.length}" failures="${countOf(report, 'failed')}" errors="0" ` +
    `skipped="${countOf(report, 'not_applicable')}"`;
  const name = `vllm-twin conform ${side} (vLLM ${vllmVersion})`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="${attribute(name)}" ${counts}>`,
    ...checks.flatMap((check) => testCase(check, side)),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function testCase({ id, verdict, expected, got }: CheckResult, side: string): readonly string[] {
  const open = `    <testcase classname="conform.${side}" name="${attribute(id)}"`;
  if (verdict === 'passed') return [`${open}/>`];
  if (verdict === 'not_applicable')
    return [`${open}>`, `      <skipped message="${attribute(got)}"/>`, '    </testcase>'];
  return [
    `${open}>`,
    `      <failure message="${attribute(got)}">expected: ${text(expected)}\ngot: ${text(got)}</failure>`,
    '    </testcase>',
  ];
}

function text(value: string): string {
  return (
    value
      // XML 1.0 has no way to write these, not even as references; half a surrogate pair is no character.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
  );
}

function attribute(value: string): string {
  return text(value).replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');
}
