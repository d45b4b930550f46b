// Text that becomes a part of a page. Names come from files, so all of them pass through here.

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it stands in HTML or SVG, between tags or in an attribute. */
export function escaped(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}]/gu, '\u{fffd}')
    .replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

type Attributes = Readonly<Record<string, string | number>>;

/** A tag around content that is markup. */
export function tag(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const pairs = Object.entries(attributes).map(([key, value]) => {
    const text = typeof value === 'number' ? String(Math.round(100 * value) / 100) : value;
    return ` ${key}="${escaped(text)}"`;
  });
  return `<${name}${pairs.join('')}>${content.join('')}</${name}>`;
}
