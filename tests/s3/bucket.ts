/** Buckets of a real S3 server, for tests. */
import { fileURLToPath } from "node:url";
import { withEnvironment } from "../environment.ts";
import type { Answer } from "./server.ts";

/** A bucket on a server. */
export interface TestBucket {
  /** The server's address. */
  endpoint: string;
  /** Stores an object. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Gives `answers` to the next requests. */
  answer(answers: Answer[]): Promise<void>;
}

const fileIn = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The keys that the server knows. */
const KEYS = { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" };

const serverArguments = ["-q", "-A", "--no-check", `--lock=${fileIn("deno.lock")}`, fileIn("server.ts")];

/** Whether the server can be started: its packages are fetched when they are first needed. */
export const isAvailable = (() => {
  const { success } = new Deno.Command(Deno.execPath(), {
    args: ["run", ...serverArguments],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  if (!success) console.log("The S3 server of the tests cannot be started, and they are skipped.");
  return success;
})();

/** Calls `test` with the bucket "data", which holds `files`, and with the environment that tells where it is. */
export async function withBucket(
  files: Record<string, Uint8Array>,
  test: (bucket: TestBucket) => Promise<void>,
  { environment = {} }: { environment?: Record<string, string | undefined> } = {},
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const put = async (key: string, bytes: Uint8Array) => {
    const path = `${folder}/data/${key}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(`${path}._S3rver_object`, bytes); // as the server stores it
    await Deno.remove(`${path}._S3rver_object.md5`).catch(() => {});
  };
  await Deno.mkdir(`${folder}/data`);
  for (const [key, bytes] of Object.entries(files)) await put(key, bytes);
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", ...serverArguments, folder],
    stdout: "piped",
    stdin: "null",
  }).spawn();
  try {
    const output = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const port = Number((await output.read()).value);
    if (!port) throw new Error("the S3 server did not start: can its packages be fetched?");
    output.releaseLock();
    const endpoint = `http://127.0.0.1:${port}`;
    const answer = async (answers: Answer[]) => {
      const response = await fetch(`${endpoint}/-/answers`, { method: "PUT", body: JSON.stringify(answers) });
      await response.body?.cancel();
    };
    await withEnvironment(
      { ...NO_SETTINGS, ...KEYS, AWS_ENDPOINT_URL: endpoint, ...environment },
      () => test({ endpoint, put, answer }),
    );
  } finally {
    server.kill("SIGKILL");
    await server.stdout.cancel().catch(() => {});
    await server.status;
    await Deno.remove(folder, { recursive: true });
  }
}

/** What a developer's machine may have set. */
const NO_SETTINGS = Object.fromEntries(
  [
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL_S3",
    "AWS_PROFILE",
  ].map((name) => [name, undefined]),
);
