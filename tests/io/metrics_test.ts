import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { writeJson } from "../../src/io/json_file.ts";
import { openMetrics, readMetrics } from "../../src/io/metrics.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { namesIn, temporaryFolder } from "./temporary_folder.ts";

Deno.test("Metrics.write() has written its line when it returns, keys in snake_case", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "metrics.jsonl");
  using metrics = await openMetrics<{ step: number; gradNorm: number | null }>(path);
  metrics.write({ step: 10, gradNorm: 3.5 });
  assertEquals(await Deno.readTextFile(path), '{"step":10,"grad_norm":3.5}\n');
  metrics.write({ step: 20, gradNorm: null });
  assertEquals(await Deno.readTextFile(path), '{"step":10,"grad_norm":3.5}\n{"step":20,"grad_norm":null}\n');
  assertEquals(await readMetrics(path), [{ step: 10, gradNorm: 3.5 }, { step: 20, gradNorm: null }]);
  metrics.close();
});

/** The file `text` after it was opened to continue after step `last` and a line of step 99 was written. */
async function continued(text: string, last: number): Promise<string> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "metrics.jsonl");
  await Deno.writeTextFile(path, text);
  {
    using metrics = await openMetrics(path, { keepThroughStep: last });
    metrics.write({ step: 99 });
  }
  assertEquals(await namesIn(folder.path), ["metrics.jsonl"]);
  return await Deno.readTextFile(path);
}

const s1 = '{"step":1}\n', s2 = '{"step":2}\n', s3 = '{"step":3}\n', s99 = '{"step":99}\n';

Deno.test("openMetrics() keeps the lines through the checkpoint's step", async () => {
  assertEquals(await continued(s1 + s2 + s3, 2), s1 + s2 + s99);
  assertEquals(await continued(s1 + s2 + s3, 3), s1 + s2 + s3 + s99);
  assertEquals(await continued(s1 + s2 + s3, 0), s99);
  assertEquals(await continued(s1 + s1 + s3 + s2, 2), s1 + s1 + s2 + s99);
});

Deno.test("openMetrics() drops a partial last line, even one that parses", async () => {
  assertEquals(await continued(s1 + '{"step":2,"lo', 5), s1 + s99);
  assertEquals(await continued(s1 + '{"step":2}', 5), s1 + s99);
  assertEquals(await continued(s1 + "\0\0\0\0\n" + s2, 5), s1 + s2 + s99);
  assertEquals(await continued("", 5), s99);
});

Deno.test("openMetrics() refuses the file of another run", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "metrics.jsonl");
  await Deno.writeTextFile(path, s1 + s2);
  await assertThrows(() => openMetrics(path), UserError, /holds 2 lines of another run\. Resume that run/);
  assertEquals(await Deno.readTextFile(path), s1 + s2);
});

Deno.test("Metrics.close() closes the file once, and the second call does nothing", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "metrics.jsonl"), metrics = await openMetrics(path);
  metrics.write({ step: 1 });
  metrics.close();
  metrics.close();
  await assertThrows(() => metrics.write({ step: 2 }), Error, /./);
  assertEquals(await Deno.readTextFile(path), s1);
});

Deno.test("writeJson() indents and ends with a line feed", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "summary.json");
  await writeJson(path, { knn: { trained: 0.5 } });
  assertEquals(await Deno.readTextFile(path), '{\n  "knn": {\n    "trained": 0.5\n  }\n}\n');
});
