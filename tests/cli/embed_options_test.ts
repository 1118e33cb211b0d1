/** The command lines of embed, similar and duplicates. */
import {
  parseDuplicatesOptions,
  parseEmbedOptions,
  parseSimilarOptions,
} from "../../src/cli/embed_options.ts";
import { createCountProgress } from "../../src/cli/count_progress.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

Deno.test("parseEmbedOptions() reads several files, sources and switches", () => {
  const args =
    "--run r --data a --data b --out x.npy --out x.csv --f16 --normalize --features projection --min-side 8 " +
    "--precision mixed";
  assertEquals({ ...parseEmbedOptions(args.split(" ")) }, {
    run: "r",
    data: ["a", "b"],
    out: ["x.npy", "x.csv"],
    f16: true,
    normalize: true,
    features: "projection",
    minSide: 8,
    precision: "mixed",
  });
});

Deno.test("embed, similar and duplicates say what is missing, unknown or out of range", async () => {
  await assertThrows(
    () => parseEmbedOptions(["--run", "r"]),
    UserError,
    /without a file to write\. Add --out/,
  );
  await assertThrows(() => parseEmbedOptions(["--halv"]), UserError, /unknown option '--halv'/);
  await assertThrows(() => parseSimilarOptions(["--query", "a"]), UserError, /Add --embeddings FILE/);
  await assertThrows(() => parseSimilarOptions(["--embeddings", "a.npy"]), UserError, /Add --query IMAGE/);
  await assertThrows(
    () => parseDuplicatesOptions(["--embeddings", "a.npy", "--threshold", "1.5"]),
    UserError,
    /a number from 0\.1 to 1/,
  );
  for (const parse of [parseEmbedOptions, parseSimilarOptions, parseDuplicatesOptions]) {
    const parsed = parse(["--help"]);
    assert("help" in parsed && /Usage: \.\/run \w+/.test(parsed.help));
  }
});

Deno.test("createCountProgress() prints a line every ten seconds, with the rate since it began", () => {
  const lines: string[] = [];
  let time = 0;
  using progress = createCountProgress({
    what: "images",
    terminal: false,
    print: (line) => lines.push(line),
    now: () => time,
  });
  progress.update(1000, 5000); // a resumed embedding
  for (const [seconds, done] of [[4, 1500], [10, 2000], [12, 2500], [20, 3000]]) {
    time = 1000 * seconds;
    progress.update(done, 5000);
  }
  time = 40_000;
  progress.update(4000, null);
  progress.log("done");
  assertEquals(lines, [
    "2,000 of 5,000 images | 100 images/s",
    "3,000 of 5,000 images | 100 images/s",
    "4,000 images | 75 images/s",
    "done",
  ]);
});
