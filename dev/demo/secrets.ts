import { randomBytes } from 'node:crypto';

/** Everything secret of one demo. */
export type DemoSecrets = ReturnType<typeof newSecrets>;

/** Fresh for every start: nothing that a demo prints is worth anything tomorrow. */
export function newSecrets() {
  const secret = (bytes = 24) => randomBytes(bytes).toString('base64url');
  return {
    metaAppId: '1104455667788990',
    metaAppSecret: randomBytes(16).toString('hex'),
    metaVerifyToken: secret(),
    ycloudApiKey: secret(),
    ycloudWebhookSecret: `whsec_${randomBytes(16).toString('hex')}`,
    fernetKey: `${randomBytes(32).toString('base64url')}=`,
    jwtSecret: secret(32),
    operatorToken: secret(),
    ownerPassword: secret(),
    appPassword: secret(),
  };
}
