import { describe, expect, it } from 'vitest';
import { metaChanges, parseLossless, ycloudChange } from './inbox.ts';

const read = (text: string) => parseLossless(text) as Record<string, unknown>;
const leadgen = (value: string) =>
  `{"object":"page","entry":[{"id":"100","time":1,"changes":[{"field":"leadgen","value":${value}}]}]}`;

describe('the inbox', () => {
  it('makes a row of every change of every entry', () => {
    const body = read(
      '{"object":"page","entry":[{"id":"1","changes":[{"field":"leadgen","value":{"leadgen_id":"5","page_id":"1"}},{"field":"leadgen","value":{"leadgen_id":"6","page_id":"1"}}]},{"id":"2","changes":[{"field":"leadgen","value":{"leadgen_id":7,"page_id":2}}]}]}',
    );
    expect(metaChanges(body).map(({ id }) => id)).toEqual(['meta:leadgen:1:5', 'meta:leadgen:1:6', 'meta:leadgen:2:7']);
  });

  it('keeps ids beyond 2^53 to the last digit, numbers and text alike', () => {
    const [asNumber] = metaChanges(read(leadgen('{"leadgen_id":98765432109876543,"page_id":100200300400500600}')));
    const [asText] = metaChanges(read(leadgen('{"leadgen_id":"98765432109876543","page_id":"100200300400500600"}')));
    expect(asNumber?.id).toBe('meta:leadgen:100200300400500600:98765432109876543');
    expect(asText?.id).toBe(asNumber?.id);
  });

  it.each([
    '{}',
    '{"object":"page"}',
    '{"object":"page","entry":"x"}',
    leadgen('{"leadgen_id":0,"page_id":1}'),
    leadgen('[]'),
    '{"object":"user","entry":[{"changes":[{"field":"name"}]}]}',
  ])('ignores what it does not know: %s', (text) => {
    expect(metaChanges(read(text)).map(({ isUsed, id }) => [isUsed, id])).toEqual([[false, null]]);
  });

  it('reads whom a YCloud event is about, in both directions', () => {
    const status = ycloudChange(
      read(
        '{"id":"evt_1","type":"whatsapp.message.updated","whatsappMessage":{"id":"m1","wabaId":"900","from":"+541155550001","to":"+5491155550123","status":"sent"}}',
      ),
    );
    const inbound = ycloudChange(
      read(
        '{"id":"evt_2","type":"whatsapp.inbound_message.received","whatsappInboundMessage":{"id":"m2","wabaId":"900","from":"+5491155550123","to":"+541155550001"}}',
      ),
    );
    expect([status.kind, status.subject, status.sourceId, status.sourcePhone]).toEqual([
      'status',
      'm1',
      '900',
      '+541155550001',
    ]);
    expect([inbound.kind, inbound.sourcePhone]).toEqual(['inbound', '+541155550001']);
  });

  it.each(['whatsapp.message.updated', 'whatsapp.inbound_message.received', 'whatsapp.user.preferences'])(
    'takes a %s that names no number of ours for nobody’s, an unsubscribe for everybody’s',
    (type) => {
      expect(ycloudChange(read(`{"id":"evt_4","type":"${type}"}`))).toMatchObject({ sourceId: null, sourcePhone: '' });
      const stop = '{"id":"evt_5","type":"contact.unsubscribe.created","unsubscriberChanged":{"phoneNumber":"+54911"}}';
      expect(ycloudChange(read(stop))).toMatchObject({ sourceId: null, sourcePhone: null });
    },
  );

  it.each(['a\\u0000b', 'x'.repeat(256)])('knows an event by its content when no column can hold its id', (id) => {
    const odd = ycloudChange(read(`{"id":"${id}","type":"${id}","whatsappMessage":{"id":"${id}","wabaId":"${id}"}}`));
    expect(odd).toMatchObject({ id: null, kind: 'unknown', subject: null, sourceId: null, isUsed: false });
  });

  it('keeps an unknown kind of event without using it', () => {
    expect(ycloudChange(read('{"id":"evt_3","type":"whatsapp.call.ended"}'))).toMatchObject({
      kind: 'whatsapp.call.ended',
      isUsed: false,
    });
  });
});
