import { type ArchiveEnvironment, archiveProblem, isBucket } from './environment.ts';
import { folderPlace } from './folder.ts';
import { bucketPlace } from './s3.ts';

/** Where the archive's files lie. Names are relative paths; a file is there whole or not at all. */
export interface ArchivePlace {
  put(name: string, content: Buffer): Promise<void>;
  /** Throws when there is no such file. */
  get(name: string): Promise<Buffer>;
}

/**
 * The place that `ARCHIVE_URL` names: a folder (`/var/lib/hub/archive`, `file:///…`), a bucket of AWS (`s3://bucket/prefix`, in `AWS_REGION`), or one of any
 * server that speaks S3 (`https://host/bucket/prefix`). Null without it.
 */
export function archivePlace(env: ArchiveEnvironment): ArchivePlace | null {
  const { ARCHIVE_URL: url } = env;
  if (!url) return null;
  if (!isBucket(url)) return folderPlace(url.replace(/^file:\/\//, ''));
  const problem = archiveProblem(env);
  if (problem !== null) throw new Error(problem);
  return bucketPlace(url, {
    accessKeyId: env.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '',
    sessionToken: env.AWS_SESSION_TOKEN,
    region: env.AWS_REGION,
  });
}
