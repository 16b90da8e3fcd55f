/**
 * PutBucketWebsite, GetBucketWebsite, DeleteBucketWebsite.
 *
 * Owns:          the document.
 * Knows:         the S3 API reference; the configuration as it is stored.
 * Must not know: how a website is served.
 */
import type {
  RoutingRule,
  WebProtocol,
  WebsiteConfiguration,
  WebsitePages,
} from '../../schemas/records/bucket-settings/website.ts';
import { faultOfWebsite, isWebProtocol } from '../../schemas/records/bucket-settings/website.ts';
import {
  decideSettings,
  readDocument,
  refuseFault,
  SETTING_DELETED,
  SETTING_STORED,
} from './bucket-document.ts';
import { invalidArgument } from './list-parameters.ts';
import type { BucketCall, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { XmlElement } from './s3-xml.ts';
import { childrenOf, malformed, parseXml } from './s3-xml.ts';
import { XmlFields } from './xml-fields.ts';
import { xmlReply } from './xml-reply.ts';
import { element, optionalElement, s3Document, wrap } from './xml-writer.ts';

/** "PutBucketWebsite": a configuration has 128 KB at most. */
const DOCUMENT_BYTES_MAX = 128 * 1024;
const ALL_TO = 'RedirectAllRequestsTo';
const CONFIGURATION = new Set(['ErrorDocument', 'IndexDocument', ALL_TO, 'RoutingRules']);
const HOST = new Set(['HostName', 'Protocol']);
const INDEX = new Set(['Suffix']);
const ERROR = new Set(['Key']);
const RULES = new Set(['RoutingRule']);
const RULE = new Set(['Condition', 'Redirect']);
const CONDITION = new Set(['HttpErrorCodeReturnedEquals', 'KeyPrefixEquals']);
const REDIRECT = new Set([...HOST, 'HttpRedirectCode', 'ReplaceKeyPrefixWith', 'ReplaceKeyWith']);

export const putBucketWebsite: S3Handler<BucketCall> = async (call, services) => {
  const body = await readDocument(call, DOCUMENT_BYTES_MAX);
  const website = readWebsite(parseXml(body, 'WebsiteConfiguration'));
  refuseFault(faultOfWebsite(website));
  await decideSettings(call, services, { website });
  return SETTING_STORED;
};

function readWebsite(root: XmlElement): WebsiteConfiguration {
  const fields = new XmlFields(root, CONFIGURATION);
  const all = fields.one(ALL_TO);
  if (all === undefined) return readPages(fields);
  if (root.children.length > 1) {
    throw invalidArgument(ALL_TO, 'not null', `${ALL_TO} does not go with other elements.`);
  }
  const host = new XmlFields(all, HOST);
  return {
    kind: 'redirect-all',
    hostName: host.requiredText('HostName').trim(),
    protocol: readProtocol(host),
  };
}

function readPages(fields: XmlFields): WebsitePages {
  const index = fields.one('IndexDocument');
  if (index === undefined) {
    const message = `An IndexDocument is needed where there is no ${ALL_TO}.`;
    throw invalidArgument('IndexDocument', 'null', message);
  }
  const error = fields.one('ErrorDocument');
  const rules = fields.one('RoutingRules');
  const rulesOf = (parent: XmlElement): readonly XmlElement[] => childrenOf(parent, RULES);
  if (rules !== undefined && rulesOf(rules).length === 0) {
    throw malformed('RoutingRules needs a RoutingRule.');
  }
  return {
    kind: 'pages',
    indexDocument: new XmlFields(index, INDEX).text('Suffix') ?? '',
    errorDocument: error && new XmlFields(error, ERROR).requiredText('Key'),
    routingRules: rules === undefined ? [] : rulesOf(rules).map(readRule),
  };
}

function readRule(rule: XmlElement): RoutingRule {
  const fields = new XmlFields(rule, RULE);
  const condition = fields.one('Condition');
  const conditions = condition && new XmlFields(condition, CONDITION);
  if (conditions?.isEmpty === true) {
    throw new S3Error('InvalidRequest', {
      message: 'A Condition is not empty; a rule without one holds for every request.',
    });
  }
  const redirect = fields.one('Redirect');
  if (redirect === undefined) throw malformed('A RoutingRule needs a Redirect.');
  const target = new XmlFields(redirect, REDIRECT);
  return {
    keyPrefix: conditions?.text('KeyPrefixEquals'),
    errorCode: conditions?.integer('HttpErrorCodeReturnedEquals'),
    protocol: readProtocol(target),
    hostName: target.text('HostName')?.trim(),
    replaceKeyPrefixWith: target.text('ReplaceKeyPrefixWith'),
    replaceKeyWith: target.text('ReplaceKeyWith'),
    redirectCode: target.integer('HttpRedirectCode'),
  };
}

function readProtocol(fields: XmlFields): WebProtocol | undefined {
  const text = fields.text('Protocol')?.trim();
  if (text === undefined || isWebProtocol(text)) return text;
  throw new S3Error('InvalidRequest', { message: 'The Protocol is http or https.' });
}

export const getBucketWebsite: S3Handler<BucketCall> = ({ bucket, bucketName }) => {
  const { website } = bucket;
  if (website === undefined) {
    throw new S3Error('NoSuchWebsiteConfiguration', { fields: { BucketName: bucketName } });
  }
  return xmlReply(s3Document('WebsiteConfiguration', websiteXml(website)));
};

function websiteXml(website: WebsiteConfiguration): string {
  if (website.kind === 'redirect-all') {
    const { hostName, protocol } = website;
    return wrap(ALL_TO, element('HostName', hostName) + optionalElement('Protocol', protocol));
  }
  const { indexDocument, errorDocument, routingRules } = website;
  const error = errorDocument === undefined ? '' : element('Key', errorDocument);
  const rules = routingRules.map(ruleXml).join('');
  return (
    wrap('IndexDocument', element('Suffix', indexDocument)) +
    (error === '' ? '' : wrap('ErrorDocument', error)) +
    (rules === '' ? '' : wrap('RoutingRules', rules))
  );
}

function ruleXml(rule: RoutingRule): string {
  const condition =
    optionalElement('KeyPrefixEquals', rule.keyPrefix) +
    optionalElement('HttpErrorCodeReturnedEquals', rule.errorCode);
  const redirect =
    optionalElement('Protocol', rule.protocol) +
    optionalElement('HostName', rule.hostName) +
    optionalElement('ReplaceKeyPrefixWith', rule.replaceKeyPrefixWith) +
    optionalElement('ReplaceKeyWith', rule.replaceKeyWith) +
    optionalElement('HttpRedirectCode', rule.redirectCode);
  return wrap(
    'RoutingRule',
    (condition === '' ? '' : wrap('Condition', condition)) + wrap('Redirect', redirect),
  );
}

export const deleteBucketWebsite: S3Handler<BucketCall> = async (call, services) => {
  await decideSettings(call, services, { website: null });
  return SETTING_DELETED;
};
