/** The library as a program imports it: its packages, and its import from a URL. */
import { join } from "node:path";
import { assert, assertEquals } from "./assert.ts";

const root = new URL("../", import.meta.url);

/** What Deno prints with these arguments; fails if it fails. */
async function deno(args: string[], cwd: string | URL): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert(code === 0, `${text(stdout)}\n${text(stderr)}`);
  return text(stdout);
}

Deno.test("mod.ts reaches no package of the command line and none that draws", async () => {
  const { modules, redirects } = JSON.parse(await deno(["info", "--json", "mod.ts"], root));
  const reached = modules.map(({ specifier }: { specifier: string }) => specifier.slice(root.href.length));
  const packages = [...modules, ...Object.values(redirects ?? {}).map((specifier) => ({ specifier }))]
    .map(({ specifier }) => /^npm:\/?((?:@[^/@]+\/)?[^/@]+)/.exec(specifier)?.[1])
    .filter((name) => name !== undefined);
  assert(packages.includes("hyparquet"), `no package was found in ${modules.length} modules`);
  const forbidden = ["commander", "cli-progress", "umap-js", "@observablehq/plot"];
  assertEquals(forbidden.filter((name) => packages.includes(name)), []);
  assertEquals(reached.filter((path: string) => path.startsWith("src/cli/")), []);
});

Deno.test("mod.ts exports no symbol without documentation", async () => {
  await deno(["doc", "--lint", "mod.ts", "data/mod.ts"], root);
});

const types: Record<string, string> = { ts: "application/typescript", json: "application/json" };

Deno.test("pretrain() works from mod.ts over HTTP in an empty folder", async () => {
  const folder = await Deno.makeTempDir();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const path = new URL(request.url).pathname.slice(1);
    const type = types[path.split(".").at(-1)!] ?? "text/plain";
    try {
      return new Response(await Deno.readFile(new URL(path, root)), { headers: { "content-type": type } });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
  try {
    await Deno.writeTextFile(
      join(folder, "main.ts"),
      `import { pretrain } from "http://127.0.0.1:${server.addr.port}/mod.ts";
      const { summary } = await pretrain({
        data: "shapes:48", holdout: 16, backbone: "resnet8", size: 16, hidden: 16, projection: 8, batch: 16, steps: 3, out: "run",
      });
      console.log("final loss", summary.finalLoss);
      Deno.exit(0);`,
    );
    const output = await deno(["run", "-A", "--no-check", "--no-lock", "main.ts"], folder);
    assert(/^final loss [\d.]+$/m.test(output), output);
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});
