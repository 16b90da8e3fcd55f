/**
 * The compatibility table of README, made from the tables of cases: never typed.
 *
 * Owns:          the place in README, and what stands there.
 * Knows:         the tables, what a cluster refuses.
 * Must not know: how cases are run.
 */
import { clusterLimits, type ClusterLimit } from './cluster-limits.ts';
import type { OperationTable, S3Case } from './s3-case.ts';
import { refused, sections } from './tables.ts';

const BEGIN = '<!-- conformance:begin -->';
const END = '<!-- conformance:end -->';

/** README with the table of these cases in its place. Throws when README has no such place. */
export function withCompatibility(readme: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error('README has no place for the compatibility table');
  const text = `${BEGIN}\n${compatibility()}\n${END}`;
  return readme.slice(0, begin) + text + readme.slice(end + END.length);
}

function compatibility(): string {
  const rows = Object.entries(sections).flatMap(([section, tables]) =>
    tables.map((one, index) => rowOf(index === 0 ? section : '', one)),
  );
  const all = [...Object.values(sections).flat(), refused];
  const count = all.reduce((sum, { cases }) => sum + Object.keys(cases).length, 0);
  return [
    `Made from the cases of \`test/conformance/\` (more than ${Math.floor(count / 100) * 100}), each of which is asked of`,
    'one node and of a cluster of three, over HTTP or by the AWS SDK.',
    '',
    '| | operation | cases | what of it | on a cluster |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    'Not offered, and refused after the signature and the right were checked:',
    '',
    '| answer | operations |',
    '|---|---|',
    ...refusals(),
  ].join('\n');
}

function rowOf(section: string, { operation, about, cases }: OperationTable): string {
  const all = Object.values(cases);
  return `| ${section} | ${operation} | ${all.length} | ${about} | ${onCluster(all)} |`;
}

function onCluster(cases: readonly S3Case[]): string {
  const limits = new Map<ClusterLimit, number>();
  for (const { cluster } of cases) {
    if (cluster !== undefined) limits.set(cluster, (limits.get(cluster) ?? 0) + 1);
  }
  if (limits.size === 0) return 'the same';
  const told = [...limits].map(([limit, count]) => {
    const part = count === cases.length ? '' : `${limit}: `;
    return `${part}${clusterLimits[limit]}`;
  });
  return told.join('; ');
}

/** Operations by how they are answered; the title of such a case is the operation's name. */
function refusals(): readonly string[] {
  const byAnswer = new Map<string, string[]>();
  for (const [operation, { answer }] of Object.entries(refused.cases)) {
    byAnswer.set(answer, [...(byAnswer.get(answer) ?? []), operation]);
  }
  return [...byAnswer].map(([answer, names]) => `| ${answer} | ${names.sort().join(', ')} |`);
}
