import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { type FolderLock, lockFolder } from "../../src/io/folder_lock.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { namesIn, temporaryFolder } from "./temporary_folder.ts";

const module = new URL("../../src/io/folder_lock.ts", import.meta.url).href;

/** A process that locks `folder` and then waits to be killed. */
async function holder(folder: string): Promise<Deno.ChildProcess> {
  const code = `import { lockFolder } from ${JSON.stringify(module)};
    globalThis.held = await lockFolder(${JSON.stringify(folder)});
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", code], stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return child;
}

Deno.test("lockFolder() refuses a locked folder until the lock is released", async () => {
  await using folder = await temporaryFolder();
  {
    await using _ = await lockFolder(folder.path);
    const named = new RegExp(`^Cannot write to ".*": process ${Deno.pid} on .+ has been using it since 2`);
    await assertThrows(() => lockFolder(folder.path), UserError, named);
    assertEquals(await namesIn(folder.path), ["run.lock"]);
  }
  assertEquals(await namesIn(folder.path), []);
  await using _ = await lockFolder(folder.path);
});

Deno.test("lockFolder() refuses another process's folder, and takes it over when that was killed", async () => {
  await using folder = await temporaryFolder();
  const child = await holder(folder.path);
  await assertThrows(() => lockFolder(folder.path), UserError, new RegExp(`process ${child.pid} on `));
  child.kill("SIGKILL");
  await child.status;
  assertEquals(await namesIn(folder.path), ["run.lock"], "the file is left over");
  await using _ = await lockFolder(folder.path);
  const { pid } = JSON.parse(await Deno.readTextFile(join(folder.path, "run.lock")));
  assertEquals(pid, Deno.pid);
});

Deno.test("lockFolder() gives one of many at once the folder, whoever releases it meanwhile", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "run");
  let held = 0, most = 0, taken = 0;
  const work = async () => {
    for (let i = 0; i < 30; i++) {
      let lock: FolderLock;
      try {
        lock = await lockFolder(path);
      } catch (error) {
        assert(error instanceof UserError, `${error}`);
        await new Promise((resolve) => setTimeout(resolve, 1));
        continue;
      }
      most = Math.max(most, ++held);
      taken++;
      await new Promise((resolve) => setTimeout(resolve, 1));
      held--;
      await lock[Symbol.asyncDispose]();
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  assertEquals(most, 1, "locks held at the same time");
  assert(taken >= 30, `taken ${taken} times`);
});

Deno.test("lockFolder() removes a folder that it made if nothing was written there", async () => {
  await using folder = await temporaryFolder();
  const [made, used] = ["made", "used"].map((name) => join(folder.path, "deep", name));
  {
    await using _ = await lockFolder(made);
  }
  {
    await using _ = await lockFolder(used);
    await Deno.writeTextFile(join(used, "a"), "a");
  }
  {
    await using _ = await lockFolder(used);
  }
  assertEquals(await namesIn(join(folder.path, "deep")), ["used"]);
  assertEquals(await namesIn(used), ["a"]);
});

Deno.test("lockFolder() locks by the file itself on a file system without locks", async () => {
  await using folder = await temporaryFolder();
  const without = { tryLock: () => Promise.resolve(null) };
  {
    await using _ = await lockFolder(folder.path, without);
    await assertThrows(
      () => lockFolder(folder.path, without),
      UserError,
      /process \d+ on .* If that process no longer exists, remove .*run\.lock\.$/,
    );
  }
  await using _ = await lockFolder(folder.path, without);
});

Deno.test("lockFolder() says how to remove the lock of another machine", async () => {
  await using folder = await temporaryFolder();
  const text = JSON.stringify({ pid: 7, host: "elsewhere.test", since: "2026-01-02T03:04:05Z" });
  await Deno.writeTextFile(join(folder.path, "run.lock"), text);
  await assertThrows(
    () => lockFolder(folder.path, { tryLock: () => Promise.resolve(false) }),
    UserError,
    /process 7 on elsewhere\.test has been using it since 2026-01-02T03:04:05Z.* no longer exists, remove .*run\.lock\.$/,
  );
});
