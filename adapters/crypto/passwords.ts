import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(argon2);
// OWASP's smallest argon2id setting: 19 MiB, 2 passes, 1 lane; 38 ms here.
const now = { memory: 19_456, passes: 2, parallelism: 1 };

/** `$argon2id$v=19$m=…,t=…,p=…$salt$tag` of the password. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const tag = await derive('argon2id', { message: password, nonce: salt, ...now, tagLength: 32 });
  return `$argon2id$v=19$m=${now.memory},t=${now.passes},p=${now.parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
}

/** Whether the password is the hashed one. Malformed hashes match nothing. */
export async function passwordMatches(password: string, hash: string): Promise<boolean> {
  const [, memory, passes, parallelism, salt, tag] =
    /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(hash) ?? [];
  if (salt === undefined || tag === undefined) return false;
  const wanted = Buffer.from(tag, 'base64');
  const options = {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: wanted.length,
  };
  const got = await derive('argon2id', { message: password, nonce: Buffer.from(salt, 'base64'), ...options });
  return timingSafeEqual(got, wanted);
}

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
