/**
 * Object lock: API_PutObjectLockConfiguration, API_PutObjectRetention, API_PutObjectLegalHold and
 * their kin, "Locking objects with Object Lock".
 *
 * Owns:          their cases.
 * Knows:         the API reference.
 * Must not know: who decides what a lock keeps from happening.
 */
import { each, limitedTo, table, type Cases } from '../s3-case.ts';

const UNTIL = '2099-01-01T00:00:00.000Z';
const LATER = '2099-06-01T00:00:00.000Z';
const PAST = '2020-01-01T00:00:00Z';
const BYPASS = { 'x-amz-bypass-governance-retention': 'true' };

function configuration(rule: string): string {
  return (
    '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>' +
    `${rule}</ObjectLockConfiguration>`
  );
}

function byDefault(inside: string): string {
  return configuration(`<Rule><DefaultRetention>${inside}</DefaultRetention></Rule>`);
}

function retention(mode: string, until: string): string {
  return `<Retention><Mode>${mode}</Mode><RetainUntilDate>${until}</RetainUntilDate></Retention>`;
}

function hold(status: string): string {
  return `<LegalHold><Status>${status}</Status></LegalHold>`;
}

const DAY = byDefault('<Mode>GOVERNANCE</Mode><Days>1</Days>');
const GOVERNED = retention('GOVERNANCE', UNTIL);
const GOVERNED_LATER = retention('GOVERNANCE', LATER);
const COMPLIANT = retention('COMPLIANCE', UNTIL);

const BAD_CONFIGURATIONS: readonly (readonly [title: string, body: string, answer: string])[] = [
  ['no days and no years', byDefault('<Mode>GOVERNANCE</Mode>'), '400 MalformedXML'],
  ['both', byDefault('<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>'), '400 MalformedXML'],
  ['no mode', byDefault('<Days>1</Days>'), '400 MalformedXML'],
  ['another mode', byDefault('<Mode>STRICT</Mode><Days>1</Days>'), '400 MalformedXML'],
  ['zero days', byDefault('<Mode>GOVERNANCE</Mode><Days>0</Days>'), '400 InvalidRetentionPeriod'],
  [
    'negative years',
    byDefault('<Mode>GOVERNANCE</Mode><Years>-1</Years>'),
    '400 InvalidRetentionPeriod',
  ],
  ['not enabled', DAY.replace('Enabled</', 'Disabled</'), '400 MalformedXML'],
  ['nonsense', 'nonsense', '400 MalformedXML'],
];

const configured: Cases = {
  'a bucket that was made for it is told so': {
    ...{ ask: 'GET /{locked}?object-lock', answer: '200' },
    xml: { root: 'ObjectLockConfiguration', ObjectLockEnabled: 'Enabled', Rule: null },
  },
  'its versions are kept': {
    ...{ ask: 'GET /{locked}?versioning', answer: '200', xml: { Status: 'Enabled' } },
  },
  'its versions cannot be suspended': {
    ask: 'PUT /{locked}?versioning',
    body: '<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>',
    answer: '409 InvalidBucketState',
  },
  'a default is kept': {
    ...{ ask: 'PUT /{locked}?object-lock', body: DAY, answer: '200' },
    then: [
      {
        ...{ ask: 'GET /{locked}?object-lock', answer: '200' },
        xml: { 'Rule.DefaultRetention.Mode': 'GOVERNANCE', 'Rule.DefaultRetention.Days': '1' },
      },
    ],
  },
  'a default is taken away': {
    given: [`PUT /{locked}?object-lock < ${DAY}`],
    ...{ ask: 'PUT /{locked}?object-lock', body: configuration(''), answer: '200' },
    then: [{ ask: 'GET /{locked}?object-lock', answer: '200', xml: { Rule: null } }],
  },
  'a bucket with versions may be locked later': {
    ...{ ask: 'PUT /{versioned}?object-lock', body: configuration(''), answer: '200' },
  },
  'a default counts for what comes': {
    given: [`PUT /{locked}?object-lock < ${DAY}`, 'PUT /{locked}/a < x'],
    ...{ ask: 'HEAD /{locked}/a', answer: '200' },
    has: {
      'x-amz-object-lock-mode': 'GOVERNANCE',
      'x-amz-object-lock-retain-until-date': /Z$/,
      'x-amz-object-lock-legal-hold': null,
    },
  },
  ...each(BAD_CONFIGURATIONS, ([title, body, answer]) => [
    `${title} is no configuration`,
    { ask: 'PUT /{locked}?object-lock', body, answer },
  ]),
};

const unlocked: Cases = {
  'a bucket without versions cannot be locked': {
    ask: 'PUT /{bucket}?object-lock',
    ...{ body: configuration(''), answer: '409 InvalidBucketState' },
  },
  'a bucket without locks has no configuration': {
    ...{ ask: 'GET /{bucket}?object-lock', answer: '404 ObjectLockConfigurationNotFoundError' },
  },
  'a key of another tenant may not configure it': {
    ...{ ask: 'PUT /{bucket}?object-lock', body: DAY, as: 'stranger', answer: '403 AccessDenied' },
  },
};

const VERSION = '/{locked}/a?versionId={1.x-amz-version-id}';

const retained: Cases = {
  'a retention is kept': {
    given: ['PUT /{locked}/a < x'],
    ...{ ask: 'PUT /{locked}/a?retention', body: GOVERNED, answer: '200' },
    then: [
      {
        ...{ ask: 'GET /{locked}/a?retention', answer: '200' },
        xml: { root: 'Retention', Mode: 'GOVERNANCE', RetainUntilDate: UNTIL },
      },
    ],
  },
  'what is governed is not deleted': {
    given: ['PUT /{locked}/a < x', `PUT /{locked}/a?retention < ${GOVERNED}`],
    ...{ ask: `DELETE ${VERSION}`, answer: '403 AccessDenied', then: [`GET ${VERSION} > x`] },
  },
  'who bypasses governance deletes it': {
    given: ['PUT /{locked}/a < x', `PUT /{locked}/a?retention < ${GOVERNED}`],
    ...{ ask: `DELETE ${VERSION}`, headers: BYPASS, answer: '204' },
  },
  'compliance is bypassed by nobody': {
    given: ['PUT /{locked}/a < x', `PUT /{locked}/a?retention < ${COMPLIANT}`],
    ...{ ask: `DELETE ${VERSION}`, headers: BYPASS, answer: '403 AccessDenied' },
  },
  'a deletion without a version only leaves a marker': {
    given: ['PUT /{locked}/a < x', `PUT /{locked}/a?retention < ${COMPLIANT}`],
    ...{ ask: 'DELETE /{locked}/a', answer: '204', has: { 'x-amz-delete-marker': 'true' } },
  },
  'an overwrite is another version': {
    given: ['PUT /{locked}/a < x', `PUT /{locked}/a?retention < ${COMPLIANT}`],
    ...{ ask: 'PUT /{locked}/a', body: 'y', answer: '200', then: [`GET ${VERSION} > x`] },
  },
  'a retention may be extended': {
    given: ['PUT /{locked}/a < x', `PUT /{locked}/a?retention < ${COMPLIANT}`],
    ...{ ask: 'PUT /{locked}/a?retention', body: retention('COMPLIANCE', LATER), answer: '200' },
  },
  'a governed retention is not shortened': {
    given: ['PUT /{locked}/a < x', `PUT /{locked}/a?retention < ${GOVERNED_LATER}`],
    ...{ ask: 'PUT /{locked}/a?retention', body: GOVERNED, answer: '403 AccessDenied' },
  },
  'who bypasses governance shortens it': {
    given: ['PUT /{locked}/a < x', `PUT /{locked}/a?retention < ${GOVERNED_LATER}`],
    ...{ ask: 'PUT /{locked}/a?retention', body: GOVERNED, headers: BYPASS, answer: '200' },
  },
  'compliance does not become governance': {
    given: ['PUT /{locked}/a < x', `PUT /{locked}/a?retention < ${COMPLIANT}`],
    ...{ ask: 'PUT /{locked}/a?retention', body: GOVERNED, headers: BYPASS },
    answer: '403 AccessDenied',
  },
  'DeleteObjects tells what is retained': {
    given: ['PUT /{locked}/a < x', `PUT /{locked}/a?retention < ${GOVERNED}`],
    ...{ ask: 'POST /{locked}?delete', hasMd5: true, answer: '200' },
    body:
      '<Delete><Object><Key>a</Key>' +
      '<VersionId>{1.x-amz-version-id}</VersionId></Object></Delete>',
    xml: { 'Error.Code': 'AccessDenied', Deleted: null },
  },
};

/** Also where locks do not change. */
const retentions: Cases = {
  'a version without one': {
    given: ['PUT /{locked}/a < x'],
    ...{ ask: 'GET /{locked}/a?retention', answer: '404 NoSuchObjectLockConfiguration' },
  },
  'a retention comes with the object': {
    ask: 'PUT /{locked}/a',
    headers: {
      'x-amz-object-lock-mode': 'COMPLIANCE',
      'x-amz-object-lock-retain-until-date': UNTIL,
    },
    ...{ body: 'x', hasMd5: true, answer: '200' },
    then: [
      {
        ...{ ask: 'GET /{locked}/a', answer: '200' },
        has: {
          'x-amz-object-lock-mode': 'COMPLIANCE',
          'x-amz-object-lock-retain-until-date': UNTIL,
        },
      },
    ],
  },
  ...each(
    [
      ['a date that is over', retention('GOVERNANCE', PAST), '400 InvalidArgument'],
      ['another mode', retention('STRICT', UNTIL), '400 MalformedXML'],
      ['a mode in small letters', retention('governance', UNTIL), '400 MalformedXML'],
      ['a date that is none', retention('GOVERNANCE', 'soon'), '400 MalformedXML'],
    ] as const,
    ([title, body, answer]) => [
      `${title} is no retention`,
      { given: ['PUT /{locked}/a < x'], ask: 'PUT /{locked}/a?retention', body, answer },
    ],
  ),
  'a mode without a date': {
    ask: 'PUT /{locked}/a',
    ...{ headers: { 'x-amz-object-lock-mode': 'COMPLIANCE' }, body: 'x', hasMd5: true },
    answer: '400 InvalidArgument',
  },
};

const held: Cases = {
  'a hold is kept': {
    given: ['PUT /{locked}/a < x'],
    ...{ ask: 'PUT /{locked}/a?legal-hold', body: hold('ON'), answer: '200' },
    then: [
      {
        ...{ ask: 'GET /{locked}/a?legal-hold', answer: '200' },
        xml: { root: 'LegalHold', Status: 'ON' },
      },
      { ask: 'HEAD /{locked}/a', answer: '200', has: { 'x-amz-object-lock-legal-hold': 'ON' } },
    ],
  },
  'what is held is not deleted, whoever bypasses what': {
    given: ['PUT /{locked}/a < x', `PUT /{locked}/a?legal-hold < ${hold('ON')}`],
    ...{ ask: `DELETE ${VERSION}`, headers: BYPASS, answer: '403 AccessDenied' },
  },
  'a hold is taken away': {
    given: [
      'PUT /{locked}/a < x',
      `PUT /{locked}/a?legal-hold < ${hold('ON')}`,
      `PUT /{locked}/a?legal-hold < ${hold('OFF')}`,
    ],
    ...{ ask: `DELETE ${VERSION}`, answer: '204' },
  },
};

const holds: Cases = {
  'a hold that came with the version is taken away': {
    given: [
      {
        ...{ ask: 'PUT /{locked}/a', headers: { 'x-amz-object-lock-legal-hold': 'ON' } },
        ...{ body: 'x', hasMd5: true, answer: '200' },
      },
      `DELETE ${VERSION} = 403 AccessDenied`,
    ],
    ...{ ask: 'PUT /{locked}/a?legal-hold', body: hold('OFF'), answer: '200' },
    then: [
      { ask: 'GET /{locked}/a?legal-hold', answer: '200', xml: { Status: 'OFF' } },
      { ask: `DELETE ${VERSION}`, answer: '204' },
    ],
  },
  'a hold that is none': {
    given: ['PUT /{locked}/a < x'],
    ...{ ask: 'PUT /{locked}/a?legal-hold', body: hold('MAYBE'), answer: '400 MalformedXML' },
  },
};

const withoutLocks: Cases = {
  'in a bucket without locks there is no retention': {
    ...{ ask: 'PUT /{object}?retention', body: GOVERNED, answer: '400 InvalidRequest' },
  },
  'in a bucket without locks none is told': {
    ...{ ask: 'GET /{object}?retention', answer: '400 InvalidRequest' },
  },
  'in a bucket without locks none comes with an object': {
    ask: 'PUT /{key}',
    headers: {
      'x-amz-object-lock-mode': 'COMPLIANCE',
      'x-amz-object-lock-retain-until-date': UNTIL,
    },
    ...{ body: 'x', hasMd5: true, answer: '400 InvalidRequest' },
  },
};

const unheld: Cases = {
  'in a bucket without locks there is no hold': {
    ...{ ask: 'PUT /{object}?legal-hold', body: hold('ON'), answer: '400 InvalidRequest' },
  },
  'in a bucket without locks none is told': {
    ...{ ask: 'GET /{object}?legal-hold', answer: '400 InvalidRequest' },
  },
};

export const lockConfiguration = table(
  'GetObjectLockConfiguration, PutObjectLockConfiguration',
  'at creation or once versions are kept, with a default',
  ...[configured, unlocked],
);
export const objectRetention = table(
  'GetObjectRetention, PutObjectRetention',
  'GOVERNANCE and COMPLIANCE, bypass, also with uploads',
  ...[limitedTo('changes of locks', retained), retentions, withoutLocks],
);
export const legalHold = table(
  'GetObjectLegalHold, PutObjectLegalHold',
  'on and off',
  ...[limitedTo('changes of locks', held), holds, unheld],
);
