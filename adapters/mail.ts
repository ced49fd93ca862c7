import { createTransport } from 'nodemailer';
import { AppError } from '../domain/error.ts';

export interface Mail {
  to: string;
  subject: string;
  text: string;
}

export interface Mailer {
  /**
   * Hands one mail to the mail server. Without SMTP_URL nothing is sent, and false says so.
   * @throws AppError `unavailable` when the server does not take it
   */
  send(mail: Mail): Promise<boolean>;
}

/** A mail server that hangs must not hold an activity. */
const WITHIN_MS = 10_000;

/** Mail over SMTP (`smtp://user:password@host:port`, `smtps://` for TLS from the first byte; STARTTLS is used where offered). */
export function createMailer({
  SMTP_URL,
  MAIL_FROM,
}: {
  SMTP_URL?: string | undefined;
  MAIL_FROM?: string | undefined;
}): Mailer {
  if (SMTP_URL === undefined) return { send: async () => false };
  const timeouts = { connectionTimeout: WITHIN_MS, greetingTimeout: WITHIN_MS, socketTimeout: WITHIN_MS };
  const transport = createTransport({ url: SMTP_URL, ...timeouts });
  const from = MAIL_FROM ?? `marketing-hub@${new URL(SMTP_URL).hostname}`;
  return {
    async send(mail) {
      try {
        await transport.sendMail({ from, ...mail });
        return true;
      } catch (error) {
        // The server's words may repeat the address: only its code goes on.
        const { responseCode, code } = error as { responseCode?: number; code?: string };
        throw new AppError('unavailable', `the mail server refused: ${responseCode ?? code ?? 'no answer'}`);
      }
    },
  };
}
