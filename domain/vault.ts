/** Encrypts what must never lie open: tokens, keys, one-time codes. Implemented by `adapters/crypto/fernet.ts`. */
export interface Vault {
  /** Fernet text of `plain` under the newest key. */
  seal(plain: string): string;
  /** The plain text again. Throws `AppError('misconfigured')` when no key fits. */
  open(sealed: string): string;
}
