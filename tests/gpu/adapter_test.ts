/** The choice of the adapter, on this machine and on ones that have only OpenGL, or nothing: by the loaders' variables. */
import { assert, assertEquals } from "../assert.ts";
import { backendOf } from "../../src/gpu/adapter.ts";
import { driverOf, isSoftware } from "../../src/gpu/driver.ts";

const module = new URL("../../src/gpu/adapter.ts", import.meta.url).href;
/** Prints what was chosen, or the error; and whether OpenGL was loaded. */
const program = `
  import { chooseAdapter } from "${module}";
  try {
    const { backend, backends, driver } = await chooseAdapter();
    console.log(JSON.stringify({ backend, backends, driver }));
  } catch (error) {
    console.log(error.name + ": " + error.message);
  }
`;
const ignore = Deno.build.os !== "linux";
/** No Vulkan driver, and no OpenGL but Mesa's on the CPU. */
const noVulkan = {
  VK_DRIVER_FILES: "/nonexistent",
  VK_ICD_FILENAMES: "/nonexistent",
  LIBGL_ALWAYS_SOFTWARE: "1",
};

async function choose(
  env: Record<string, string>,
  permissions = ["--allow-env=DENO_WEBGPU_BACKEND"],
  text = program,
) {
  const { DENO_WEBGPU_BACKEND: _, ...own } = Deno.env.toObject();
  const folder = await Deno.makeTempDir(), path = `${folder}/choose.ts`;
  await Deno.writeTextFile(path, text);
  try {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--no-prompt", ...permissions, path],
      clearEnv: true,
      env: { ...own, ...env },
    }).output();
    return { out: new TextDecoder().decode(stdout).trim(), err: new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test(
  "chooseAdapter() requests Vulkan, Metal and Direct3D 12 if no backend is named",
  { ignore },
  async () => {
    const { out } = await choose({});
    const { backend, backends } = JSON.parse(out);
    assertEquals([backend, backends], ["Vulkan", "vulkan,metal,dx12"]);
  },
);

Deno.test("chooseAdapter() works without the permission to read the environment", { ignore }, async () => {
  const { out } = await choose({}, []);
  const { backend, backends } = JSON.parse(out);
  assertEquals([backend, backends], ["Vulkan", null]);
});

Deno.test("chooseAdapter() rejects OpenGL on the CPU and says what to install", { ignore }, async () => {
  for (const permissions of [undefined, []]) {
    const { out } = await choose(noVulkan, permissions);
    if (!out.startsWith("MachineError")) {
      // A graphics card's own OpenGL is taken where there is nothing better.
      assertEquals(JSON.parse(out).backend, "OpenGL");
      assert(JSON.parse(out).driver !== "Mesa llvmpipe", out);
      continue;
    }
    // A machine may lack even Mesa's OpenGL.
    assert(
      /^MachineError: Cannot open a GPU: Deno finds (only OpenGL on the CPU|no WebGPU adapter of Vulkan, Metal)/
        .test(out) &&
        /apt-get install mesa-vulkan-drivers libvulkan1/.test(out),
      out,
    );
  }
});

Deno.test("chooseAdapter() gives concurrent and later calls the same answer", { ignore }, async () => {
  const asking = (asks: string) => `
    import { chooseAdapter } from "${module}";
    const ask = () => chooseAdapter().then(({ backends }) => backends, ({ message }) => message);
    console.log(JSON.stringify([${asks}]));
  `;
  for (const env of [{}, noVulkan]) {
    const answersTo = async (asks: string) => JSON.parse((await choose(env, undefined, asking(asks))).out);
    const [alone] = await answersTo("await ask()");
    assertEquals(await answersTo("...await Promise.all([ask(), ask()]), await ask()"), [alone, alone, alone]);
  }
});

Deno.test("chooseAdapter() uses the backends that the user names", { ignore }, async () => {
  const { out } = await choose({ DENO_WEBGPU_BACKEND: "vulkan" });
  assertEquals(JSON.parse(out).backends, "vulkan");
  const { out: none } = await choose({ DENO_WEBGPU_BACKEND: "metal" });
  assert(/^MachineError: .*no WebGPU adapter with DENO_WEBGPU_BACKEND=metal\. Unset it/.test(none), none);
  // OpenGL is there to be tried, with one warning.
  const { out: openGl, err } = await choose({ ...noVulkan, DENO_WEBGPU_BACKEND: "gl" });
  if (openGl.startsWith("MachineError")) return; // no OpenGL here
  assertEquals(JSON.parse(openGl).backend, "OpenGL");
  assertEquals(err.match(/Warning: computing by OpenGL/g)?.length, 1);
});

Deno.test("backendOf() recognizes OpenGL by its subgroup sizes where both were requested", () => {
  const any = { subgroupMinSize: 4, subgroupMaxSize: 128 },
    eight = { subgroupMinSize: 8, subgroupMaxSize: 8 };
  const cases: [typeof any, string | null, typeof Deno.build.os, string][] = [
    [eight, "vulkan,metal,dx12", "linux", "Vulkan"],
    [any, "vulkan,metal,dx12", "linux", "Vulkan"],
    [any, null, "linux", "OpenGL"],
    [eight, null, "linux", "Vulkan"],
    [any, "Vulkan, OpenGL", "linux", "OpenGL"],
    [eight, "vulkan,gl", "linux", "Vulkan"],
    [eight, "gl", "linux", "OpenGL"],
    [any, "vulkan,metal,dx12", "darwin", "Metal"],
    [any, "vulkan", "darwin", "Vulkan"],
    [eight, "vulkan,metal,dx12", "windows", "Vulkan or Direct3D 12"],
    [eight, "dx12", "windows", "Direct3D 12"],
  ];
  for (const [info, backends, os, expected] of cases) {
    assertEquals(backendOf(info, { backends, os }), expected, `${backends} on ${os}`);
  }
});

Deno.test("driverOf() finds the driver by the adapter's name, otherwise by its vendor", () => {
  const cases: [description: string, vendor: string, backend: string, driver: string, software: boolean][] = [
    ["llvmpipe (LLVM 15.0.6, 256 bits)", "65541", "Vulkan", "Mesa lavapipe", true],
    ["llvmpipe (LLVM 15.0.6, 256 bits)", "65541", "OpenGL", "Mesa llvmpipe", true],
    ["softpipe", "65541", "OpenGL", "Mesa softpipe", true],
    ["AMD Radeon RX 6800 (RADV NAVI21)", "4098", "Vulkan", "Mesa RADV", false],
    ["NVIDIA H100 80GB HBM3", "4318", "Vulkan", "NVIDIA", false],
    ["NVIDIA GeForce RTX 3060 (NVK GA106)", "4318", "Vulkan", "Mesa NVK", false],
    ["SwiftShader Device (LLVM 10.0.0)", "6880", "Vulkan", "SwiftShader", false],
    ["Mesa Intel(R) UHD Graphics 630 (CFL GT2)", "32902", "OpenGL", "Mesa", false],
    ["Apple M2", "", "Metal", "Apple", false],
    ["Something", "7", "Vulkan", "vendor 7", false],
  ];
  for (const [description, vendor, backend, driver, software] of cases) {
    assertEquals(
      driverOf({ description, vendor, isFallbackAdapter: false }, { backend }),
      driver,
      description,
    );
    assertEquals(isSoftware({ description, vendor, isFallbackAdapter: false }), software, description);
  }
});
