import { jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';

const issuer = 'marketing-hub';
const audience = 'marketing-hub-api';
const claims = z.object({ sub: z.uuid(), tid: z.number().int().positive() });

export interface TokenSubject {
  userId: string;
  tenantId: number;
}

/** Issues and reads the API's Bearer tokens: HS256, the tenant as an integer claim `tid`. */
export function createTokens(secret: string) {
  const key = new TextEncoder().encode(secret);
  return {
    issue: ({ userId, tenantId }: TokenSubject, lifetime = '24 hours'): Promise<string> =>
      new SignJWT({ tid: tenantId })
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject(userId)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime(lifetime)
        .sign(key),
    /** The token's subject, or null when it is expired, forged or not ours. */
    async read(token: string): Promise<TokenSubject | null> {
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: ['HS256'],
          issuer,
          audience,
          requiredClaims: ['exp', 'sub'],
        });
        const { sub, tid } = claims.parse(payload);
        return { userId: sub, tenantId: tid };
      } catch {
        return null;
      }
    },
  };
}

export type Tokens = ReturnType<typeof createTokens>;
