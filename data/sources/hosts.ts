/**
 * The hosts that sources are read from, as `--allow-net` takes them. Asking it needs no network.
 *
 * @module
 */
import { LIST_NAME } from "./file_names.ts";
import { HUB, hubEndpoint } from "./hub_api.ts";
import { addressOf, s3Settings } from "./s3_settings.ts";

/** The hosts to which Hugging Face's hub redirects: its file storage has several. */
const HUB_STORAGE = ["*.huggingface.co", "*.hf.co"];

/** The hosts of a source; none for one on this machine, and for an address that cannot be understood. */
export function hostsOf(source: string): string[] {
  try {
    if (/^https?:/i.test(source)) return [new URL(source).host];
    if (/^hf:/i.test(source)) return hubHosts();
    const bucket = /^s3:\/\/([^/]+)/i.exec(source)?.[1];
    if (bucket !== undefined) return [new URL(addressOf(bucket, s3Settings())).host];
    return LIST_NAME.test(source) ? hostsInList(Deno.readTextFileSync(source)) : [];
  } catch {
    return []; // opening it reports the mistake
  }
}

function hubHosts(): string[] {
  const endpoint = hubEndpoint(), { host, hostname } = new URL(endpoint);
  if (endpoint === HUB) return [host, ...HUB_STORAGE];
  // A hub on this machine may have its storage at any port; a mirror elsewhere may refer to the hub's.
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname) ? [hostname] : [host, ...HUB_STORAGE];
}

/** The hosts of the addresses in a list of images. */
function hostsInList(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(/https?:\/\/[^\s"',;|]+/gi), ([url]) => new URL(url).host))];
}
