/**
 * Keys, region and endpoint for S3, from where AWS's own tools have them: environment variables, then the profile in
 * ~/.aws/credentials and ~/.aws/config.
 *
 * @module
 */
import { environmentVariable } from "../../src/base/environment.ts";
import { UserError } from "../../src/base/errors.ts";

/** How S3 is reached. */
export interface S3Settings {
  /** Null for requests without a signature, as public buckets allow. */
  keys: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | null;
  /** Null if none is set. */
  region: string | null;
  /** The address of a server other than Amazon's; null for Amazon's. */
  endpoint: string | null;
}

/** Amazon's default. */
export const DEFAULT_REGION = "us-east-1";

type Section = Record<string, string>;

/**
 * The settings of this environment.
 *
 * @throws {UserError} if AWS_PROFILE names a profile without keys.
 */
export function s3Settings(): S3Settings {
  const named = environmentVariable("AWS_PROFILE"), profile = named || "default";
  const found = { ...sectionOf("config", profile), ...sectionOf("credentials", profile) };
  const value = (variables: string[], setting: string) =>
    variables.map(environmentVariable).find(Boolean) ?? found[setting] ?? null;
  const accessKeyId = environmentVariable("AWS_ACCESS_KEY_ID");
  const keys = accessKeyId
    ? keysOf({
      aws_access_key_id: accessKeyId,
      aws_secret_access_key: environmentVariable("AWS_SECRET_ACCESS_KEY") ?? "",
      aws_session_token: environmentVariable("AWS_SESSION_TOKEN") ?? "",
    })
    : keysOf(found);
  if (keys === null && (named || found.sso_session || found.sso_start_url || found.role_arn)) {
    throw new UserError(
      `Cannot sign requests to S3: the profile "${profile}" has no keys in ~/.aws/credentials. Set AWS_ACCESS_KEY_ID and ` +
        `AWS_SECRET_ACCESS_KEY, for example by: eval "$(aws configure export-credentials --format env)".`,
    );
  }
  return {
    keys,
    region: value(["AWS_REGION", "AWS_DEFAULT_REGION"], "region"),
    endpoint: value(["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"], "endpoint_url")?.replace(/\/+$/, "") ?? null,
  };
}

function keysOf(section: Section): S3Settings["keys"] {
  const { aws_access_key_id, aws_secret_access_key, aws_session_token } = section;
  if (!aws_access_key_id || !aws_secret_access_key) return null;
  return {
    accessKeyId: aws_access_key_id,
    secretAccessKey: aws_secret_access_key,
    ...aws_session_token && { sessionToken: aws_session_token },
  };
}

/** The settings of `profile` in one of AWS's files; none if there is no such file or profile. */
function sectionOf(file: "config" | "credentials", profile: string): Section {
  const variable = file === "config" ? "AWS_CONFIG_FILE" : "AWS_SHARED_CREDENTIALS_FILE";
  const home = environmentVariable("HOME");
  const path = environmentVariable(variable) || (home && `${home}/.aws/${file}`);
  const names = file === "config" && profile !== "default" ? [`profile ${profile}`] : [profile];
  const section: Section = {};
  let isWanted = false;
  for (const line of (path ? textOf(path) : "").split(/\r?\n/)) {
    const header = /^\s*\[\s*(.*?)\s*\]/.exec(line);
    if (header) isWanted = names.includes(header[1].replace(/\s+/g, " "));
    // Nested settings are indented.
    const [, key, value] = /^([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (isWanted && key) section[key] = value;
  }
  return section;
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // most machines have none
  }
}

/** Amazon names the bucket in the host; other servers usually in the path, and so do names that no certificate covers. */
export function addressOf(name: string, { region, endpoint }: S3Settings): string {
  if (endpoint !== null) return `${endpoint}/${encoded(name)}`;
  const place = region ?? DEFAULT_REGION;
  const host = `s3.${place}.amazonaws.com${place.startsWith("cn-") ? ".cn" : ""}`;
  return /^[a-z\d][a-z\d-]*$/.test(name) ? `https://${name}.${host}` : `https://${host}/${encoded(name)}`;
}

/** `text` in an address, as signatures want it: all but letters, digits, `-`, `.`, `_` and `~`. */
export function encoded(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
