/**
 * A bucket of S3 or of a server that speaks its language: addresses, signatures, and the list of its objects.
 *
 * @module
 */
import { AwsV4Signer } from "npm:aws4fetch@1.0.20";
import { UserError } from "../../src/base/errors.ts";
import { answerAt } from "./http.ts";
import type { Access, Answer, RequestOptions } from "./http_connection.ts";
import { addressOf, DEFAULT_REGION, encoded, type S3Settings } from "./s3_settings.ts";

/** A bucket and how it is asked. */
export interface Bucket {
  name: string;
  /** The address of the bucket, without a slash at the end. */
  base: string;
  access: Access;
}

/** An object as the list has it. */
export interface S3Object {
  key: string;
  size: number;
  /** In quotes, as servers send it. */
  etag: string | null;
}

/** The bucket called `name`. */
export function bucketOf(name: string, settings: S3Settings): Bucket {
  const region = settings.region ?? DEFAULT_REGION, base = addressOf(name, settings);
  const cache = new Map<string, ArrayBuffer>();
  return {
    name,
    base,
    access: {
      redirect: "manual", // a signature is valid for one host
      async headers({ method, url }) {
        if (settings.keys === null || new URL(url).origin !== new URL(base).origin) return {};
        const { headers } = await new AwsV4Signer({
          ...settings.keys,
          method,
          url,
          region,
          service: "s3",
          cache,
        }).sign();
        return headers;
      },
      explain: (refusal) => explain(refusal, { name, region, signed: settings.keys !== null }),
    },
  };
}

/** The address of an object. */
export function objectUrl({ base }: Bucket, key: string): string {
  return `${base}/${key.split("/").map(encoded).join("/")}`;
}

/** The objects whose keys begin with `prefix`, by key; asked for in pages. */
export async function* objectsBelow(
  bucket: Bucket,
  prefix: string,
  request: RequestOptions,
): AsyncGenerator<S3Object> {
  for (let token: string | null = "";;) {
    const query: Record<string, string> = { "list-type": "2", "encoding-type": "url", prefix };
    if (token) query["continuation-token"] = token;
    const search = Object.entries(query).map(([key, value]) => `${key}=${encoded(value)}`).join("&");
    const { text } = await answerAt(`${bucket.base}?${search}`, {
      ...request,
      name: `s3://${bucket.name}/${prefix}`,
    });
    if (!/<ListBucketResult[\s>]/.test(text)) {
      throw new UserError(
        `Cannot list "s3://${bucket.name}/${prefix}": ${bucket.base} is no S3 server. Check AWS_ENDPOINT_URL.`,
      );
    }
    yield* pageOf(text);
    token = textIn(text, "NextContinuationToken");
    if (textIn(text, "IsTruncated") !== "true" || !token) return;
  }
}

/** A page of the list has neither attributes nor nested texts: no parser of all XML is needed. */
function pageOf(text: string): S3Object[] {
  const decode = textIn(text, "EncodingType") === "url"
    ? (key: string) => decodeURIComponent(key.replaceAll("+", " "))
    : (key: string) => key;
  return [...text.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, content]) => {
    const etag = textIn(content, "ETag")?.replaceAll('"', "");
    return {
      key: decode(textIn(content, "Key") ?? ""),
      size: Number(textIn(content, "Size")),
      etag: etag ? `"${etag}"` : null,
    };
  });
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** The text of the first element `tag`; null if there is none. */
function textIn(xml: string, tag: string): string | null {
  const text = new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1];
  return text?.replace(
    /&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi,
    (all, hex, decimal, name) =>
      hex || decimal
        ? String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal))
        : ENTITIES[name] ?? all,
  ) ?? null;
}

/** What S3's refusals mean, and what to do. */
function explain(
  { status, headers, text }: Answer,
  { name, region, signed }: { name: string; region: string; signed: boolean },
): string | null {
  const code = textIn(text, "Code") ?? "";
  const place = headers.get("x-amz-bucket-region") ?? textIn(text, "Region");
  if (place && place !== region) {
    return `the bucket "${name}" is in the region ${place}, not in ${region}. Set AWS_REGION=${place}.`;
  }
  if (code === "ExpiredToken" || code === "TokenRefreshRequired") {
    return "AWS_SESSION_TOKEN has expired. Renew the keys, then resume the run.";
  }
  if (code === "RequestTimeTooSkewed") {
    return "the clock of this machine is wrong. Set it, then resume the run.";
  }
  if (code === "NoSuchBucket") return `there is no bucket "${name}". Check its name and AWS_ENDPOINT_URL.`;
  if (code === "NoSuchKey" || status === 404) return "there is no such object. Check the key.";
  if (code === "SignatureDoesNotMatch") return "the signature does not match. Check AWS_SECRET_ACCESS_KEY.";
  if (/^Invalid(AccessKeyId|Token)$/.test(code)) {
    return "the server does not know the key. Check AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN.";
  }
  if (status === 403 || status === 401) {
    return signed
      ? `the keys may not read it (${code || `status ${status}`}). They need s3:ListBucket and s3:GetObject.`
      : `it is not public (${code || `status ${status}`}). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`;
  }
  if (status >= 300 && status < 400) {
    return `the server refers to another address (status ${status}). Set AWS_REGION or AWS_ENDPOINT_URL accordingly.`;
  }
  return code ? `the server answers with ${code} (status ${status}). Check the address.` : null;
}
