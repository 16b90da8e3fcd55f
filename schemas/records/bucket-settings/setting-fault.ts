/**
 * Why a setting of a bucket is refused, for every door that takes settings.
 *
 * Owns:          the shape.
 * Knows:         the codes of S3 that such refusals have.
 * Must not know: XML, JSON, how a refusal is rendered.
 */

export type SettingFault = {
  readonly code:
    | 'BadRequest'
    | 'InvalidArgument'
    | 'InvalidRequest'
    | 'InvalidRetentionPeriod'
    | 'InvalidTag'
    | 'MalformedXML';
  /** One sentence. */
  readonly message: string;
  /** What the message is about, where S3 names it. */
  readonly argument?: { readonly name: string; readonly value: string };
};

export function malformedSetting(message: string): SettingFault {
  return { code: 'MalformedXML', message };
}

export function invalidSetting(message: string): SettingFault {
  return { code: 'InvalidRequest', message };
}

export function invalidSettingArgument(name: string, value: string, message: string): SettingFault {
  return { code: 'InvalidArgument', message, argument: { name, value } };
}

/** The first fault of a list of things. */
export function firstFault<Item>(
  items: readonly Item[],
  faultOf: (item: Item) => SettingFault | undefined,
): SettingFault | undefined {
  for (const item of items) {
    const fault = faultOf(item);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
