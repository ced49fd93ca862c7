import { describe, expect, it } from 'vitest';
import {
  byUrgency,
  checkAdAccounts,
  checkAppLive,
  checkExpiry,
  checkLastLead,
  checkPageRoles,
  checkScopes,
  checkToken,
  checkUsage,
  checkVersion,
  checkWebhook,
  finding,
} from './connection-checks.ts';

const DAY = 24 * 60 * 60_000;
const ours = 'https://hub.example.com/crm/webhook/meta';
const names = [
  { adAccountId: '1', name: 'Aurora' },
  { adAccountId: '2', name: 'Turismo' },
];

describe('A check-up', () => {
  it.each([
    ['a living token', checkToken({ isValid: true, subcode: null }), 'ok', 'valid'],
    ['a dead token, with Meta’s reason', checkToken({ isValid: false, subcode: 460 }), 'bad', 'password_changed'],
    ['a token that never ends', checkExpiry({ expiresAt: null, dataAccessExpiresAt: null }, 0), 'ok', 'never'],
    [
      'the earlier of two ends',
      checkExpiry({ expiresAt: 60 * DAY, dataAccessExpiresAt: 5 * DAY }, 0),
      'warn',
      'ends_soon',
    ],
    ['an end today', checkExpiry({ expiresAt: DAY / 2, dataAccessExpiresAt: null }, 0), 'bad', 'ends_today'],
    ['an end far ahead', checkExpiry({ expiresAt: 7 * DAY, dataAccessExpiresAt: null }, 0), 'ok', 'ends_later'],
    ['missing scopes', checkScopes(['ads_read']), 'bad', 'missing'],
    [
      'accounts that are fine',
      checkAdAccounts(
        names,
        [1, 2].map((id) => ({ adAccountId: `${id}`, status: 1 })),
      ),
      'ok',
      'active',
    ],
    ['an account out of reach', checkAdAccounts(names, [{ adAccountId: '1', status: 1 }]), 'bad', 'unreachable'],
    [
      'a disabled account',
      checkAdAccounts(
        names,
        [1, 2].map((id) => ({ adAccountId: `${id}`, status: id })),
      ),
      'bad',
      'disabled',
    ],
    [
      'an unpaid account',
      checkAdAccounts(
        names,
        [1, 2].map((id) => ({ adAccountId: `${id}`, status: id === 2 ? 3 : 1 })),
      ),
      'warn',
      'unsettled',
    ],
    ['no account', checkAdAccounts([], []), 'bad', 'none'],
    [
      'a lost role',
      checkPageRoles([{ pageId: '1', name: 'Aurora' }], [{ pageId: '1', tasks: ['ANALYZE'] }]),
      'bad',
      'task_missing',
    ],
    ['a page out of sight', checkPageRoles([{ pageId: '1', name: 'Aurora' }], []), 'bad', 'task_missing'],
    ['no callback', checkWebhook([], ours), 'bad', 'none'],
    [
      'a callback elsewhere',
      checkWebhook([{ object: 'page', callbackUrl: `${ours}x`, isActive: true, fields: ['leadgen'] }], ours),
      'bad',
      'elsewhere',
    ],
    [
      'a callback switched off',
      checkWebhook([{ object: 'page', callbackUrl: ours, isActive: false, fields: ['leadgen'] }], ours),
      'bad',
      'inactive',
    ],
    [
      'a callback without leads',
      checkWebhook([{ object: 'page', callbackUrl: ours, isActive: true, fields: ['feed'] }], ours),
      'bad',
      'no_leadgen',
    ],
    [
      'a test lead proves nothing',
      checkAppLive({ receivedAt: 0, isTest: true, isRecovered: false }, DAY),
      'unknown',
      'not_told',
    ],
    [
      'a lead of long ago neither',
      checkAppLive({ receivedAt: 0, isTest: false, isRecovered: false }, 31 * DAY),
      'unknown',
      'not_told',
    ],
    [
      'a stranger’s lead does',
      checkAppLive({ receivedAt: 0, isTest: false, isRecovered: false }, DAY),
      'ok',
      'leads_come',
    ],
    [
      'a lead that a comparison brought',
      checkLastLead({ receivedAt: 0, isTest: false, isRecovered: true }),
      'warn',
      'recovered',
    ],
    ['a version that ended', checkVersion('v27.0', 'v26.0'), 'warn', 'differs'],
    ['the version asked for', checkVersion('v26.0', 'v26.0'), 'ok', 'same'],
    ['room', checkUsage(0.79), 'ok', 'free'],
    ['little room', checkUsage(0.8), 'warn', 'slow'],
    ['no room', checkUsage(0.95), 'bad', 'stopped'],
  ])('knows %s', (_, found, verdict, reason) => {
    expect(found).toMatchObject({ verdict, reason });
  });

  it('shows first what needs a person, then in the order of dependence', () => {
    const given = [
      finding('token', 'ok', 'a'),
      finding('usage', 'warn', 'b'),
      finding('scopes', 'bad', 'c'),
      finding('webhook', 'bad', 'd'),
    ];
    expect(byUrgency(given).map(({ reason }) => reason)).toEqual(['c', 'd', 'b', 'a']);
  });
});
