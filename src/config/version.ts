import type { Fields } from './fields.ts';

/** Whether transformers 5 wrote the file, so that nobody ran it with the rules of 4.x. */
export function writtenByVersion5(fields: Fields): boolean {
  const version = fields.get('transformers_version');
  return typeof version === 'string' && /^[5-9]\./.test(version);
}
