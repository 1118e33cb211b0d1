/** The choice between Deno's own WebGPU and Dawn. Whether Dawn computes right is for `deno task test:dawn`. */
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { withEnvironment } from "../environment.ts";
import { UserError } from "../../src/base/errors.ts";
import { createCommand, parseCommand } from "../../src/cli/command.ts";
import { implementation, implementationVersion, useWebGpu } from "../../src/gpu/webgpu.ts";

const module = new URL("../../src/gpu/webgpu.ts", import.meta.url).href;

/** What `text` prints in a new process with BYOL_WEBGPU. */
async function printed(text: string, BYOL_WEBGPU: string): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", `import * as webgpu from "${module}"; ${text}`],
    env: { BYOL_WEBGPU },
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

/** Calls `test`, then computes on what was chosen before. */
async function restoring(test: () => void | Promise<void>) {
  const before = implementation();
  try {
    await test();
  } finally {
    useWebGpu(before);
  }
}

Deno.test("BYOL_WEBGPU names the implementation where no call does", async () => {
  const text = "console.log(webgpu.implementation())";
  assertEquals(await printed(text, ""), "deno");
  assertEquals(await printed(text, "dawn"), "dawn");
  assertEquals(await printed(`webgpu.useWebGpu("deno"); ${text}`, "dawn"), "deno");
  const error = "try { webgpu.implementation() } catch (error) { console.log(error.message) }";
  assertEquals(
    await printed(error, "Dawn"),
    "Cannot use BYOL_WEBGPU=Dawn: it must be deno or dawn.",
  );
});

Deno.test("useWebGpu() beats BYOL_WEBGPU, and its version tells kernels apart", async () => {
  await restoring(() =>
    withEnvironment({ BYOL_WEBGPU: "deno" }, () => {
      useWebGpu("dawn");
      assertEquals(implementation(), "dawn");
      const checked = implementationVersion();
      useWebGpu("dawn", { unsafeShaders: true });
      const unchecked = implementationVersion();
      useWebGpu("deno");
      assertEquals(new Set([checked, unchecked, implementationVersion()]).size, 3);
      return Promise.resolve();
    })
  );
});

Deno.test("useWebGpu() refuses to do without bounds checks on Deno's own WebGPU", async () => {
  await restoring(async () => {
    await assertThrows(
      () => useWebGpu("deno", { unsafeShaders: true }),
      UserError,
      /^Cannot use --unsafe-sh/,
    );
    const command = () => createCommand("x", { about: "", groups: {} });
    await assertThrows(
      () => parseCommand(command(), ["--webgpu", "deno", "--unsafe-shaders"]),
      UserError,
      /--unsafe-shaders: Deno's own WebGPU always checks bounds/,
    );
  });
});

Deno.test("every command takes --webgpu, which is not among its options", async () => {
  await restoring(async () => {
    const command = () => createCommand("x", { about: "", groups: {} });
    assertEquals(parseCommand(command(), ["--webgpu", "dawn", "--unsafe-shaders"]), {});
    assertEquals([implementation(), implementationVersion()], ["dawn", "Dawn 0.6.2, no bounds checks"]);
    await assertThrows(
      () => parseCommand(command(), ["--webgpu", "wgpu"]),
      UserError,
      /Allowed choices are deno, dawn/,
    );
    const help = parseCommand(command(), ["--help"]) as { help: string };
    assert(/--webgpu <name> .*--unsafe-shaders/s.test(help.help), help.help);
  });
});

Deno.test("Dawn is refused without --allow-ffi, with what to do", async () => {
  const text = `try { await webgpu.entryPoint() } catch (error) { console.log(error.name, error.message) }`;
  const program = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(program, `import * as webgpu from "${module}"; webgpu.useWebGpu("dawn"); ${text}`);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-config", program],
  }).output();
  const out = new TextDecoder().decode(stdout);
  assert(
    /^MachineError Cannot load Dawn: .* without --allow-ffi\. Use \.\/run.*--webgpu deno\./.test(out),
    out,
  );
  await Deno.remove(program);
});
