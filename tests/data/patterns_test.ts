/** Patterns that name several files. */
import { join } from "node:path";
import { matcherOf, pathsOf } from "../../data/sources/patterns.ts";
import { assertEquals } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";

const FILES = [
  "t-1.tar",
  "t-22.tar",
  "t-x.zip",
  "!n.tar",
  "q (x).tar",
  "a (1)/x.tar",
  "a (1)/b/c/z.tar",
  ".h/h.tar",
];
const EXPECTED: Record<string, string[]> = {
  "*.tar": ["!n.tar", "q (x).tar", "t-1.tar", "t-22.tar"],
  "t-?.tar": ["t-1.tar"],
  "t-[0-9]*.tar": ["t-1.tar", "t-22.tar"],
  "t-[!1]*": ["t-22.tar", "t-x.zip"],
  "!*.tar": ["!n.tar"],
  "q (*).tar": ["q (x).tar"],
  "*/*.tar": ["a (1)/x.tar", "link/t-1.tar"],
  "a (1)/**/*.tar": ["a (1)/b/c/z.tar", "a (1)/x.tar"],
  "**/z.tar": ["a (1)/b/c/z.tar"],
  "{t-2*,t-1}.tar": ["t-22.tar", "t-1.tar"],
};

Deno.test("pathsOf() finds files by *, ?, [], ** and braces; folders by links, but not at any depth", async () => {
  await using folder = await temporaryFolder();
  const root = folder.path, other = join(root, ".other");
  for (const file of [...FILES, ".other/t-1.tar"]) {
    await Deno.mkdir(join(root, file, ".."), { recursive: true });
    await Deno.writeTextFile(join(root, file), "");
  }
  await Deno.symlink(other, join(root, "link"));
  for (const [pattern, expected] of Object.entries(EXPECTED)) {
    const found = await pathsOf(`${root}/${pattern}`);
    assertEquals(found.map((path) => path.slice(root.length + 1)), expected, pattern);
  }
});

Deno.test("matcherOf() tells the names that a pattern of a hub or a bucket means", async () => {
  const flat = await matcherOf("data/train-*.parquet"), deep = await matcherOf("**/*.{jpg,png}");
  assertEquals(["data/train-0.parquet", "data/x/train-0.parquet", "data/test-0.parquet"].map(flat), [
    ...[true, false, false],
  ]);
  assertEquals(["a/b/c.jpg", "c.png", "c.gif"].map(deep), [true, true, false]);
});

Deno.test("pathsOf() needs no permission but to read", async () => {
  const module = new URL("../../data/sources/patterns.ts", import.meta.url).href;
  await using folder = await temporaryFolder();
  const program = join(folder.path, "find.ts");
  await Deno.writeTextFile(
    program,
    `import { pathsOf } from "${module}"; console.log(await pathsOf("${folder.path}/*.t[s]"));`,
  );
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--no-prompt", "--no-lock", `--allow-read=${folder.path}`, program],
  }).output();
  assertEquals(new TextDecoder().decode(stdout), `[ "${program}" ]\n`);
});
