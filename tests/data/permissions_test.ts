/** Whether the decoders work in Workers with the permissions of the commands. */
import { fileURLToPath } from "node:url";
import { assertEquals } from "../assert.ts";
import { withFolder } from "./fixtures.ts";
import { goldenFiles } from "./golden.ts";

const root = new URL("../../", import.meta.url), config = fileURLToPath(new URL("deno.json", root));

/** A file for each decoder. */
const names = [
  "jpeg 444",
  "jpeg cmyk",
  "png rgb",
  "webp lossy",
  "gif",
  "tiff jpeg gray",
  "bmp gray",
  "pnm p1",
  "avif",
  "heic",
  "jxl",
];

Deno.test("decodeImage() decodes every format in a Worker with the permissions of train, preview and evaluate", async () => {
  const files = Object.fromEntries(names.map((name) => [
    `images/${name}`,
    goldenFiles.find((file) => file.name === name)!.file,
  ]));
  const worker = `
    import { decodeImage } from ${JSON.stringify(new URL("data/decode.ts", root).href)};
    for (const name of ${JSON.stringify(names)}) {
      const bytes = await Deno.readFile(new URL("images/" + name, import.meta.url));
      console.log(name + ": " + await decodeImage(bytes).then(() => "decoded", (error) => error.message));
    }
    self.close();
  `;
  const main = `new Worker(new URL("worker.ts", import.meta.url), { type: "module" });`;
  await withFolder({ ...files, "worker.ts": worker, "main.ts": main }, async (folder) => {
    for (const command of ["train", "preview", "evaluate"]) {
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-check", "-q", "--config", config, `-P=${command}`, `${folder}/main.ts`],

        stdin: "null",
      }).output();
      const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assertEquals(said.trim().split("\n"), names.map((name) => `${name}: decoded`), command);
    }
  });
});
