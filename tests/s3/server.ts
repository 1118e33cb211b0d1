/**
 * An S3 server on the files of a folder, as a process of its own:
 *
 *     deno run -A --lock=tests/s3/deno.lock tests/s3/server.ts FOLDER
 *
 * It prints its port. Its package is for this alone: it is named here rather than imported, so that no other task installs
 * it, and has a lock file of its own. `PUT /-/answers` takes a list of answers that it gives to the next requests in place of
 * its own.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import crypto from "node:crypto";

const PACKAGE = "npm:@20minutes/s3rver@5.0.0";

/** An answer in place of the server's. */
export interface Answer {
  status: number;
  /** S3's name of the error. */
  code: string;
  headers?: Record<string, string>;
}

/** What is used of Koa, which the package is built on. */
interface Context {
  method: string;
  path: string;
  req: AsyncIterable<Uint8Array>;
  status: number;
  body: unknown;
  set(headers: Record<string, string>): void;
}
type Middleware = (context: Context, next: () => Promise<void>) => Promise<void>;
interface Server {
  middleware: Middleware[];
  run(): Promise<{ port: number }>;
}

// The package encrypts the position in a list by DES, which neither Deno nor OpenSSL 3 has. Plain text does.
const plain = { update: (text: Buffer | string) => Buffer.from(text), final: () => Buffer.alloc(0) };
Object.assign(crypto, { createCipheriv: () => plain, createDecipheriv: () => plain });

const { default: S3rver } = await import(PACKAGE);
if (Deno.args.length === 0) Deno.exit(0); // only to see whether it is there
const server: Server = new S3rver({ port: 0, address: "127.0.0.1", silent: true, directory: Deno.args[0] });
const answers: Answer[] = [];
server.middleware.unshift(async (context, next) => {
  if (context.path === "/-/answers") {
    answers.splice(0, Infinity, ...JSON.parse(Buffer.concat(await Array.fromAsync(context.req)).toString()));
    context.status = 200;
    return;
  }
  const answer = answers.shift();
  if (!answer) return await next();
  context.status = answer.status;
  context.set(answer.headers ?? {});
  context.body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${answer.code}</Code></Error>`;
});
console.log((await server.run()).port);
