/** Meta's error codes: the HTTP status of those it answers at once. The others only ever come later, by webhook. */
const atOnce: Readonly<Record<string, number>> = {
  '1': 500,
  '3': 400,
  '10': 400,
  '190': 401,
  '200': 403,
  '368': 400,
  '130429': 429,
  '131005': 403,
  '131008': 400,
  '131009': 400,
  '131013': 400,
  '131021': 400,
  '131037': 400,
  '131053': 400,
  '131056': 429,
  '131057': 500,
  '131062': 400,
  '132000': 400,
  '132001': 404,
  '132005': 400,
  '132007': 400,
  '132012': 400,
  '132015': 400,
  '132016': 400,
  '133010': 400,
  '135000': 400,
  '139000': 400,
};

const titles: Readonly<Record<string, string>> = {
  '130429': 'Rate limit hit',
  '131021': 'Recipient cannot be sender',
  '131026': 'Message undeliverable',
  '131047': 'Re-engagement message: more than 24 hours since the last reply',
  '131048': 'Spam rate limit hit',
  '131049': 'Not delivered to maintain a healthy ecosystem',
  '131050': 'The user stopped marketing messages from this business',
  '131056': 'Too many messages from this sender to this recipient',
  '132000': 'Number of parameters does not match',
  '132001': 'Template name does not exist in the translation',
  '132005': 'Translated text too long',
  '132012': 'Parameter format does not match',
  '132015': 'Template is paused',
  '132016': 'Template is disabled',
};

/** The HTTP status when `sendDirectly` meets the code; undefined when Meta tells it later. */
export const metaHttp = (code: string): number | undefined => atOnce[code];

/** Words of ours for a code, for people who read a failed message. */
export const metaTitle = (code: string): string => titles[code] ?? 'Message failed';
