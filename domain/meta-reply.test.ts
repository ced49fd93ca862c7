import { describe, expect, it } from 'vitest';
import { shownReply } from './meta-reply.ts';

describe('a reply of Meta that a switch shows', () => {
  it('has its figures, and no address with a token', () => {
    const reply = {
      data: [{ campaign_id: '1', spend: '12.50', actions: [{ action_type: 'lead', value: '2' }] }],
      paging: { next: 'https://graph.example.com/?access_token=x', cursors: { after: 'x' } },
    };
    expect(shownReply('insights', reply)).toEqual({ data: reply.data });
  });

  it('shows the shape alone where people or keys may stand', () => {
    const lead = { id: '1', field_data: [{ name: 'email', values: ['ana@example.com'] }], n: 5491155550101, ok: true };
    const shape = { id: '…', field_data: [{ name: '…', values: ['…'] }], n: 0, ok: true };
    for (const endpoint of ['lead', 'form_leads', 'pages', 'oauth_token', 'me'])
      expect(shownReply(endpoint, lead)).toEqual(shape);
    expect(shownReply('pages', { data: [{ access_token: 'x', id: '1' }] })).toEqual({ data: [{ id: '…' }] });
  });

  it('is short, whatever comes', () => {
    const rows = Array.from({ length: 500 }, () => ({ name: 'x'.repeat(10_000) }));
    const many = shownReply('campaigns', { data: rows }) as { data: unknown[] };
    expect(many.data).toHaveLength(21);
    expect(many.data.at(-1)).toBe('… 480 more');
    expect(JSON.stringify(many).length).toBeLessThan(12_000);
    let deep: object = {};
    for (let i = 0; i < 50; i++) deep = { deep };
    expect(JSON.stringify(shownReply('campaigns', deep)).length).toBeLessThan(200);
  });
});
