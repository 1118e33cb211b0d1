/**
 * Objects of S3 buckets: `s3://bucket/prefix`.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import type { Version } from "./http.ts";
import type { RequestOptions } from "./http_connection.ts";
import type { OpenContext } from "./open_options.ts";
import { baseName, folderBefore, isPattern, matcherOf } from "./patterns.ts";
import { filesOfOneKind, openingRequest, openRemote, remoteKindOf } from "./remote.ts";
import type { RemoteEntry } from "./remote_images.ts";
import { type Bucket, bucketOf, objectsBelow, objectUrl, type S3Object } from "./s3_bucket.ts";
import { s3Settings } from "./s3_settings.ts";
import type { ImageSource } from "./types.ts";

/** Opens what `spec` names: an object, all objects below a prefix, or those that match a pattern. */
export async function openS3(spec: string, context: OpenContext): Promise<ImageSource> {
  const [, bucketName, path = ""] = /^s3:\/\/([^/]+)(?:\/(.*))?$/is.exec(spec) ?? [];
  if (bucketName === undefined) {
    throw new UserError(
      `Cannot open the data source "${spec}": expected s3://BUCKET/PREFIX. Check the address.`,
    );
  }
  const bucket = bucketOf(bucketName, s3Settings());
  const { objects, root } = await objectsAt(
    bucket,
    path,
    openingRequest({ ...context, access: bucket.access }),
  );
  // Tools that show folders store an empty object for each.
  const files = objects.filter(({ key }) => !key.endsWith("/"));
  if (files.length === 0) {
    throw new UserError(
      `Cannot open the data source "${spec}": the bucket "${bucketName}" has no ${
        isPattern(path) ? "object that matches the pattern" : `object below "${path}"`
      }. Check the address.`,
    );
  }
  const place = { bucket, root }, entries = files.map((object) => new ObjectEntry(object, place));
  return await openRemote(spec, filesOfOneKind(spec, entries, context), {
    ...context,
    access: bucket.access,
  });
}

/** An object as a file. Names are made when they are asked for: a bucket may hold millions. */
class ObjectEntry implements RemoteEntry {
  readonly id = null;
  readonly #object: S3Object;
  readonly #place: { bucket: Bucket; root: string };

  constructor(object: S3Object, place: { bucket: Bucket; root: string }) {
    this.#object = object;
    this.#place = place;
  }

  get url(): string {
    return objectUrl(this.#place.bucket, this.#object.key);
  }

  get name(): string {
    return `s3://${this.#place.bucket.name}/${this.#object.key}`;
  }

  get path(): string {
    return this.#object.key.slice(this.#place.root.length);
  }

  get length(): number {
    return this.#object.size;
  }

  get version(): Version {
    return { etag: this.#object.etag, modified: null };
  }
}

/** The objects that `path` names, and the part of their keys that the user knows. */
async function objectsAt(
  bucket: Bucket,
  path: string,
  request: RequestOptions,
): Promise<{ objects: S3Object[]; root: string }> {
  const below = (prefix: string) => Array.fromAsync(objectsBelow(bucket, prefix, request));
  if (isPattern(path)) {
    const root = folderBefore(path), matches = await matcherOf(path);
    return { objects: (await below(root)).filter(({ key }) => matches(key)), root };
  }
  if (path === "" || path.endsWith("/")) return { objects: await below(path), root: path };
  const parent = path.slice(0, path.length - baseName(path).length);
  if (remoteKindOf(path) !== null) {
    const object = (await below(path)).filter(({ key }) => key === path);
    if (object.length > 0) return { objects: object, root: parent };
  }
  const inFolder = await below(`${path}/`);
  if (inFolder.length > 0) return { objects: inFolder, root: `${path}/` };
  // As S3 has it, a prefix may end within a name.
  return { objects: await below(path), root: parent };
}
