/** The script `run` on simulated machines: a PATH with stand-ins that record their calls. */

import { join } from "node:path";
import { assert, assertEquals } from "../assert.ts";

const root = new URL("../../", import.meta.url);
const ignore = Deno.build.os !== "linux";

const tools = ["awk", "chmod", "cmp", "cp", "dirname", "env", "find", "id", "mkdir", "rm", "sed", "uname"];

/** A program that records its call and then runs `body`. */
const standIn = (name: string, body: string) => `#!/bin/sh\necho "${name} $*" >>"$CALLS"\n${body}\n`;

/** A Deno of `version` that finds an adapter once the file in place of Mesa's driver exists; its grants contain a space. */
const deno = (version: string) =>
  standIn(
    "deno",
    `case $1 in
       --version) echo "deno ${version} (stable, release, x86_64-unknown-linux-gnu)" ;;
       eval) [ -e "$DRIVER" ] || exit; echo vulkan ;;
       run) case $4 in src/cli/grants.ts) printf '%s\n' '--allow-write=a folder' '--allow-net=b*'; exit ;; esac ;;
     esac
     case $1 in
       run | task) printf '<%s>' "$@"; echo " $DENO_WEBGPU_BACKEND $DENO_DIR"; exit 7 ;;
     esac`,
  );

interface Machine {
  /** Further programs, as shell scripts by name. */
  programs?: Record<string, string>;
  /** Whether there is a WebGPU adapter. */
  adapter?: boolean;
  home?: string;
  /** What the user has set besides. */
  env?: Record<string, string>;
}

/** A machine with a copy of `run` and deno.json in a folder whose name has a space. */
async function createMachine({ programs = {}, adapter = true, home, env }: Machine) {
  const folder = await Deno.makeTempDir({ prefix: "a machine " });
  const [bin, repo, calls, driver] = ["bin", "repo", "calls", "driver"].map((name) => join(folder, name));
  await Deno.mkdir(bin);
  await Deno.mkdir(repo);
  for (const name of ["run", "deno.json"]) await Deno.copyFile(new URL(name, root), join(repo, name));
  await Deno.writeTextFile(join(repo, "deno.lock"), "{}");
  for (const tool of tools) await Deno.symlink(`/usr/bin/${tool}`, join(bin, tool));
  for (const [name, text] of Object.entries(programs)) {
    await Deno.writeTextFile(join(bin, name), text, { mode: 0o755 });
  }
  if (adapter) await Deno.writeTextFile(driver, "");
  await Deno.writeTextFile(calls, "");
  return {
    repo,
    async run(...args: string[]) {
      await Deno.truncate(calls);
      const { code, stdout, stderr } = await new Deno.Command(join(repo, "run"), {
        args,
        clearEnv: true,
        env: {
          PATH: bin,
          CALLS: calls,
          DRIVER: driver,
          ...(home === undefined ? {} : { HOME: home }),
          ...env,
        },
      }).output();
      const called = (await Deno.readTextFile(calls)).trim().split("\n");
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, out: text(stdout), err: text(stderr), called };
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

Deno.test("run without a task lists the tasks and sets up nothing", { ignore }, async () => {
  await using machine = await createMachine({});
  const { code, err, called } = await machine.run();
  assertEquals([code, called], [1, [""]]);
  assert(/tasks:\n(.*\n)* {2}train\n(.*\n)* {2}test\n/.test(err), err);
  assertEquals((await machine.run("--help")).code, 0);
});

Deno.test("run passes on its arguments and returns the task's exit code", { ignore }, async () => {
  await using machine = await createMachine({ programs: { deno: deno("2.9.0") }, home: "/tmp" });
  const first = await machine.run("train", "--data", "my photos", "--out", "*");
  const granted = "<run><--allow-write=a folder><--allow-net=b*><-q><-P=train><train.ts>";
  assertEquals([first.code, first.out], [7, `${granted}<--data><my photos><--out><*> vulkan \n`]);
  const asked = "deno run -q -P=train src/cli/grants.ts train --data my photos --out *";
  assert(first.called.includes(asked), first.called.join("\n"));
  assert(first.called.some((call) => call.startsWith("deno eval")), "no adapter was asked for");

  await Deno.writeTextFile(join(machine.repo, "a.ts"), "");
  const again = await machine.run("train");
  assertEquals(
    again.called.filter((call) => call.startsWith("deno cache")),
    [],
    "nothing changed in deno.lock",
  );
  await Deno.writeTextFile(join(machine.repo, "deno.lock"), '{"version":"5"}');
  const changed = await machine.run("train");
  assertEquals(changed.called.filter((call) => call.startsWith("deno cache")), ["deno cache --quiet ./a.ts"]);
});

Deno.test("run without a home keeps Deno's cache in its own folder", { ignore }, async () => {
  for (const home of [undefined, "", "/nonexistent"]) {
    await using machine = await createMachine({ programs: { deno: deno("3.0.1") }, home });
    assertEquals((await machine.run("test")).out, `<task><test> vulkan ${machine.repo}/.deno/cache\n`);
  }
});

Deno.test("run installs Deno from npm if PATH has no recent one", { ignore }, async () => {
  const binary = "node_modules/@deno/linux/deno";
  const npm = standIn(
    "npm",
    `mkdir -p node_modules/@deno/linux
     sed s/2.8.1/2.9.6/ "$(dirname "$CALLS")/bin/deno" >${binary}
     chmod +x ${binary}`,
  );
  await using machine = await createMachine({ programs: { deno: deno("2.8.1"), npm } });
  const { code, out, called } = await machine.run("style");
  assertEquals([code, out], [7, `<task><style> vulkan ${machine.repo}/.deno/cache\n`]);
  assert(called.some((call) => /^npm install .*deno@2\.9\.6$/.test(call)), called.join("\n"));
  assertEquals((await machine.run("train")).called.filter((call) => call.startsWith("npm")), []);
});

Deno.test("run without Deno and npm says what to install", { ignore }, async () => {
  await using machine = await createMachine({});
  const { code, err } = await machine.run("train");
  assertEquals(code, 2);
  assert(/^run: Cannot install Deno as npm must be on PATH.*apt-get install npm/.test(err), err);
});

Deno.test(
  "run installs Mesa only without an adapter, after updating the package list",
  { ignore },
  async () => {
    const apt = standIn("apt-get", '[ "$1" != install ] || : >"$DRIVER"');
    const sudo = '#!/bin/sh\nexec "$@"\n';
    const programs = { deno: deno("2.9.6"), "apt-get": apt, sudo };
    await using bare = await createMachine({ programs, adapter: false });
    const { code, called } = await bare.run("train");
    const [update, install, ...more] = called.filter((call) => call.startsWith("apt-get"));
    assertEquals([code, more], [7, []]);
    assert(
      update.startsWith("apt-get update") && /install .* mesa-vulkan-drivers libvulkan1$/.test(install),
      install,
    );

    await using equipped = await createMachine({ programs });
    assertEquals((await equipped.run("train")).called.filter((call) => call.startsWith("apt-get")), []);
  },
);

Deno.test("run exits with 2 if it cannot provide an adapter", { ignore }, async () => {
  const sudo = '#!/bin/sh\nexec "$@"\n';
  for (
    const [apt, message] of [
      [undefined, /Cannot compute as WebGPU must find an adapter: there is none\. Install a Vulkan driver/],
      ["exit 100", /apt-get failed/],
      ["", /even with Mesa installed/],
    ] as const
  ) {
    const programs: Record<string, string> = { deno: deno("2.9.6"), sudo };
    if (apt !== undefined) programs["apt-get"] = standIn("apt-get", apt);
    await using machine = await createMachine({ programs, adapter: false });
    const { code, out, err } = await machine.run("train");
    assertEquals([code, out], [2, ""]);
    assert(message.test(err), err);
  }
});

Deno.test("run installs no driver if the user names a backend without an adapter", { ignore }, async () => {
  const programs = { deno: deno("2.9.6"), "apt-get": standIn("apt-get", "") };
  await using machine = await createMachine({
    programs,
    adapter: false,
    env: { DENO_WEBGPU_BACKEND: "metal" },
  });
  const { code, err, called } = await machine.run("train");
  assertEquals([code, called.filter((call) => call.startsWith("apt-get"))], [2, []]);
  assert(/DENO_WEBGPU_BACKEND=metal must name a backend.* Unset it/.test(err), err);
});
