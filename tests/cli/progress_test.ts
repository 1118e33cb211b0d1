import { createProgress } from "../../src/cli/progress.ts";
import { assert, assertEquals } from "../assert.ts";

const figures = { loss: 3.98764, lr: 0.0123, imagesPerSecond: 310.4, dataWait: 0.021 };
const described = "loss 3.9876 | lr 0.0123 | 310 images/s | data wait 2 %";

Deno.test("createProgress() prints the first step, the last one, and at most one line per interval", () => {
  const lines: string[] = [];
  using progress = createProgress({
    total: 4,
    terminal: false,
    interval: 3600,
    print: (line) => lines.push(line),
  });
  for (const step of [1, 2]) progress.update(step, figures);
  progress.log("bad.jpg is no JPEG");
  for (const step of [3, 4]) progress.update(step, figures);
  assertEquals(lines, [`step 1/4 | ${described}`, "bad.jpg is no JPEG", `step 4/4 | ${described}`]);
});

Deno.test("createProgress() prints each step after the interval", () => {
  const lines: string[] = [];
  using progress = createProgress({
    total: 9,
    terminal: false,
    interval: 0,
    print: (line) => lines.push(line),
  });
  progress.update(1, figures);
  progress.update(2, { ...figures, imagesPerSecond: 7.26 });
  progress.update(3, { ...figures, loss: null });
  assertEquals(lines.length, 3);
  assertEquals(lines[2], `step 3/9 | ${described.slice("loss 3.9876 | ".length)}`);
  assert(lines[1].includes("| 7.3 images/s |"), lines[1]);
});

Deno.test("createProgress() draws a bar on a terminal, with logged lines above it", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const module = new URL("../../src/cli/progress.ts", import.meta.url);
  const folder = await Deno.makeTempDir();
  const program = `${folder}/draw.ts`;
  await Deno.writeTextFile(
    program,
    `import { createProgress } from ${JSON.stringify(module.href)};
     const progress = createProgress({ total: 8, start: 4 });
     progress.update(6, ${JSON.stringify(figures)});
     progress.log("a line above");
     progress.stop();
     progress.stop();
     progress.log("the end");`,
  );
  // script, of util-linux, provides a terminal.
  const command = `stty cols 120; exec '${Deno.execPath()}' run -A '${program}'`;
  const { code, stdout } = await new Deno.Command("script", { args: ["-qec", command, "/dev/null"] })
    .output();
  await Deno.remove(folder, { recursive: true });
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 0, text);
  // deno-lint-ignore no-control-regex
  const plain = text.replace(/\x1b\[[?\d;]*[A-Za-z]/g, "");
  const [logged, bar, end] = ["a line above\r\n", `█░░░░ 6/8 | ${described}`, "\r\nthe end"].map((t) =>
    plain.lastIndexOf(t)
  );
  assert(logged >= 0 && bar > logged && end > bar, JSON.stringify(plain));
});
