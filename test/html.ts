/** What a browser shows of a piece of markup: tags gone, entities read, white space as one space. */
export function textOf(html: string): string {
  const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
  return html
    .replace(/<(script|style|svg)\b[\s\S]*?<\/\1>/g, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => entities[name] ?? '')
    .replace(/[\s\u00a0]+/g, ' ')
    .trim();
}

const voids = new Set([
  'area',
  'base',
  'br',
  'col',
  'embed',
  'hr',
  'img',
  'input',
  'link',
  'meta',
  'source',
  'track',
  'wbr',
]);

/** Tags that are closed in another order than they were opened, or never. */
export function unbalancedIn(html: string): string[] {
  const open: string[] = [];
  for (const [whole, slash, name = '', selfClosed] of html.matchAll(
    /<(\/?)([a-zA-Z][\w-]*)(?:"[^"]*"|'[^']*'|[^"'>])*?(\/?)>/g,
  )) {
    const tag = name.toLowerCase();
    if (voids.has(tag) || selfClosed) continue;
    if (!slash) open.push(tag);
    else if (open.pop() !== tag) return [`${whole} closes what is not open`];
  }
  return open.map((tag) => `<${tag}> stays open`);
}
