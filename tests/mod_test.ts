/** The library, imported from a URL by someone who has nothing else: kernels, Workers and packages must come along. */
import { join } from "node:path";
import { assert } from "./assert.ts";

const root = new URL("../", import.meta.url);

Deno.test("mod.ts: pre-trains when imported over HTTP in an empty folder", async () => {
  const folder = await Deno.makeTempDir();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const path = new URL(request.url).pathname.slice(1);
    const type = path.endsWith(".ts")
      ? "application/typescript"
      : path.endsWith(".json")
      ? "application/json"
      : "text/plain";
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
      console.log("final loss", summary.final_loss);
      Deno.exit(0);`,
    );
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--no-lock", "main.ts"],
      cwd: folder,
      stdout: "piped",
      stderr: "piped",
    }).output();
    const said = new TextDecoder().decode(stdout), complained = new TextDecoder().decode(stderr);
    assert(code === 0 && /^final loss [\d.]+$/m.test(said), `${said}\n${complained}`);
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});
