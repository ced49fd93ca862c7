/** What names an archive's place: `ARCHIVE_URL`, and for a bucket the keys under the names that AWS gave them. */
export interface ArchiveEnvironment {
  ARCHIVE_URL?: string | undefined;
  AWS_ACCESS_KEY_ID?: string | undefined;
  AWS_SECRET_ACCESS_KEY?: string | undefined;
  AWS_SESSION_TOKEN?: string | undefined;
  AWS_REGION?: string | undefined;
}

export const isBucket = (url: string): boolean => /^(s3|https?):\/\//.test(url);

/** What keeps these variables from naming a place, in one line without their values; null when nothing does. */
export function archiveProblem({ ARCHIVE_URL: url, ...keys }: ArchiveEnvironment): string | null {
  if (url === undefined || !isBucket(url)) return null;
  if (!/^(s3:\/\/|https?:\/\/[^/]+\/)[^/]+/.test(url)) return 'ARCHIVE_URL is malformed (it names no bucket)';
  const missing = (['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const).find((name) => !keys[name]);
  return missing === undefined ? null : `${missing} is missing: ARCHIVE_URL names a bucket`;
}
