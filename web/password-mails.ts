import type { Mailer } from '../adapters/mail.ts';
import type { LinkPurpose, PasswordLinks } from '../adapters/postgres/password-links.ts';
import type { Config } from '../config.ts';
import type { Actor } from '../domain/actor.ts';
import { AppError } from '../domain/error.ts';
import { type Locale, translate } from './i18n.ts';
import { randomSecret, sha256 } from './secrets.ts';

export interface PasswordMailDeps {
  config: Pick<Config, 'PUBLIC_URL'>;
  passwordLinks: Pick<PasswordLinks, 'issue'>;
  mailer: Mailer;
}

interface Addressee {
  tenantId: number;
  id: string;
  name: string;
  email: string;
  locale: Locale;
}

/** Gives a person a one-time link to set their password, by mail. */
export function createPasswordMails({ config, passwordLinks, mailer }: PasswordMailDeps) {
  return {
    /** `isSent` is false where no mail server is set or it did not take the mail: then somebody must hand `url` on. */
    async send(to: Addressee, purpose: LinkPurpose, actor: Actor): Promise<{ isSent: boolean; url: string }> {
      // It names its tenant, so that it is looked up there.
      const token = `${to.tenantId}.${randomSecret()}`;
      await passwordLinks.issue(to.tenantId, to.id, purpose, sha256(token), actor);
      // After # it stays in the browser: it reaches no log of a proxy and no referrer.
      const url = `${config.PUBLIC_URL}/password/new#${token}`;
      const t = translate(to.locale);
      const mail = {
        to: to.email,
        subject: t(`auth:mail.${purpose}.subject`),
        text: t(`auth:mail.${purpose}.text`, { name: to.name, url }),
      };
      const isSent = await mailer.send(mail).catch((error: unknown) => {
        if (error instanceof AppError) return false;
        throw error;
      });
      return { isSent, url };
    },
  };
}
export type PasswordMails = ReturnType<typeof createPasswordMails>;
