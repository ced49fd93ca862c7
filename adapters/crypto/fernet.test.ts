import { describe, expect, it } from 'vitest';
import { AppError } from '../../domain/error.ts';
import { createVault, FernetError, fernetDecrypt, fernetEncrypt } from './fernet.ts';

// Vectors of https://github.com/fernet/spec: generate.json, verify.json, invalid.json.
const SECRET = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
const TOKEN = 'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==';
const MADE_AT_S = 499_162_800;

describe('Fernet', () => {
  it('makes the token of the spec, byte for byte', () => {
    const iv = Buffer.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(fernetEncrypt(SECRET, Buffer.from('hello'), MADE_AT_S, iv)).toBe(TOKEN);
  });

  it('opens the token of the spec within its time', () => {
    expect(fernetDecrypt([SECRET], TOKEN, { ttlS: 60, nowS: MADE_AT_S + 1 }).toString()).toBe('hello');
  });

  it.each([
    [
      'incorrect mac',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==',
    ],
    ['too short', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA=='],
    [
      'invalid base64',
      '%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==',
    ],
    [
      'payload size not multiple of block size',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm',
    ],
    [
      'payload padding error',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==',
    ],
    [
      'far-future timestamp',
      'gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==',
    ],
    ['expired', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q=='],
    [
      'incorrect IV',
      'gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==',
    ],
  ])('refuses a token with %s', (why, token) => {
    const nowS = why === 'expired' ? MADE_AT_S + 91 : MADE_AT_S + 1;
    expect(() => fernetDecrypt([SECRET], token, { ttlS: 60, nowS })).toThrow(FernetError);
  });

  it('opens with an older key after rotation and says so when none fits', () => {
    const newer = Buffer.alloc(32, 7).toString('base64url').concat('=');
    const sealed = createVault([SECRET]).seal('token');
    expect(createVault([newer, SECRET]).open(sealed)).toBe('token');
    expect(() => createVault([newer]).open(sealed)).toThrow(AppError);
  });
});
