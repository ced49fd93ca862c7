import { describe, expect, it } from 'vitest';
import { consentChange, inboundMessage, statusReport } from './ycloud-events.ts';

const received = new Date('2026-11-24T12:00:00Z');
const status = (event: object) => statusReport(JSON.stringify({ whatsappMessage: event }), received);
const inbound = (event: object) => inboundMessage(JSON.stringify({ whatsappInboundMessage: event }), received);

describe('A status event', () => {
  it('reports the state at its own time, with the ids that may match', () => {
    expect(
      status({
        ...{ id: 'm1', externalId: 'x1', wamid: 'w1', status: 'delivered', totalPrice: 0.05, currency: 'USD' },
        ...{ sendTime: '2026-11-24T11:00:00.000Z', deliverTime: '2026-11-24T11:00:05Z' },
      }),
    ).toEqual({
      ...{ externalId: 'x1', providerId: 'm1', wamid: 'w1', state: 'delivered', errorCode: null },
      ...{ at: new Date('2026-11-24T11:00:05Z'), price: '0.05', currency: 'USD' },
    });
  });

  it.each([
    { totalPrice: '0.05', currency: '' },
    { totalPrice: {}, currency: 7, wamid: 1, externalId: [] },
    { sendTime: 'yesterday', updateTime: 7, errorCode: null, whatsappApiError: 'x' },
  ])('counts although other fields are not what they should be: %j', (odd) => {
    expect(status({ id: 'm1', status: 'sent', ...odd })).toMatchObject({
      ...{ providerId: 'm1', state: 'sent', at: received, price: null },
    });
  });

  it('names why it failed, or that nobody said', () => {
    expect(status({ id: 'm1', status: 'failed', errorCode: 131026 })?.errorCode).toBe('131026');
    expect(status({ id: 'm1', status: 'failed' })?.errorCode).toBe('unknown');
  });

  it.each([{ status: 'pondered' }, { status: 7 }, {}])('reports nothing we know: %j', (event) => {
    expect(status({ id: 'm1', ...event })).toBeNull();
  });
});

describe("A person's message", () => {
  it.each([
    ['its words', { type: 'text', text: { body: 'Baja' } }, 'Baja'],
    ['the button’s', { type: 'button', button: { text: 'Baja', payload: 'OPT_OUT' } }, 'Baja'],
    ['the reply button’s', { type: 'interactive', interactive: { button_reply: { title: 'Sí' } } }, 'Sí'],
    ['the list’s', { type: 'interactive', interactive: { list_reply: { title: 'Jueves' } } }, 'Jueves'],
    ['none', { type: 'image', text: null, button: 7, interactive: { button_reply: null } }, null],
    ['none of a text without one', { type: 'text', text: { body: null } }, null],
  ])('says %s', (_name, event, body) => {
    expect(inbound({ id: 'in1', from: '+5491155550123', ...event })).toMatchObject({ body, phone: '+5491155550123' });
  });

  it('is of the person whose lead we know, in whatever spelling WhatsApp has', () => {
    expect(inbound({ id: 'in1', from: '+5215555550142' })?.phone).toBe('+525555550142');
    expect(inbound({ id: 'in1', from: '553187650142' })?.phone).toBe('+5531987650142');
  });

  it('may come from somebody who shows only a name', () => {
    expect(inbound({ id: 'in1', fromUserId: 'AR.777' })).toMatchObject({ phone: null, kind: 'unsupported' });
    expect(inbound({ from: '+5491155550123' })).toBeNull();
  });
});

describe('A change of consent', () => {
  const phone = '+5491155550123';
  it.each([
    ['unsubscribe', { unsubscriberChanged: { phoneNumber: phone, updateTime: '2026-11-24T11:00:00Z' } }, 'stopped'],
    ['resubscribe', { contactUnsubscribeDeleted: { customer: phone }, createTime: '2026-11-24T11:00:00Z' }, 'resumed'],
    [
      'preference',
      { whatsappUserPreference: { contactPhoneNumber: phone, value: 'stop', timestamp: '1795518000' } },
      'stopped',
    ],
  ])('is who, what and when it was said: %s', (kind, body, consent) => {
    expect(consentChange(kind, JSON.stringify(body), received)).toEqual({
      ...{ phone, consent, at: new Date('2026-11-24T11:00:00Z') },
      source: kind === 'preference' ? 'user_preference' : 'ycloud_list',
    });
  });

  it('stands in with the time of arrival', () => {
    const body = { unsubscriberChanged: { phoneNumber: phone, updateTime: 'x' }, createTime: 7 };
    expect(consentChange('unsubscribe', JSON.stringify(body), received)?.at).toEqual(received);
  });

  it.each([
    ['preference', { whatsappUserPreference: { contactPhoneNumber: phone, value: 'perhaps' } }],
    ['unsubscribe', { unsubscriberChanged: { phoneNumber: 'nobody' } }],
    ['unsubscribe', {}],
  ])('is none when it names nobody or nothing: %s %j', (kind, body) => {
    expect(consentChange(kind, JSON.stringify(body), received)).toBeNull();
  });
});

describe('The ad somebody came from', () => {
  const from = (referral: unknown) => inbound({ id: 'm1', from: '+5491155550101', referral })?.referral;

  it('is named with the click', () => {
    const ad = { source_type: 'ad', source_id: '120210000000000003', ctwa_clid: 'ARAk' };
    expect(from(ad)).toEqual({ adId: '120210000000000003', clickId: 'ARAk' });
    expect(from({ source_id: 120210000000003 })).toEqual({ adId: '120210000000003', clickId: null });
  });

  it.each([undefined, null, 'x', {}, { source_type: 'post', source_id: '1' }, { source_id: 'x', ctwa_clid: 7 }])(
    'is none in %j',
    (referral) => {
      expect(from(referral)).toBeNull();
    },
  );

  it('comes with the person’s name, as WhatsApp shows it', () => {
    const profile = (customerProfile: unknown) => inbound({ id: 'm1', customerProfile })?.profileName;
    expect([profile({ name: ' Lu ' }), profile({ name: '' }), profile(7)]).toEqual(['Lu', null, null]);
  });
});
