/** `./run train` on hubs, buckets and signed addresses: with the permissions that it grants, and nothing secret in files. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";
import { grantsOf } from "../../src/cli/grants.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import { encodeSafetensors } from "../../src/io/safetensors.ts";
import { backbones } from "../../src/nn/backbones.ts";
import { assert, assertEquals } from "../assert.ts";
import { gradient, png, tar, tarEntry } from "../data/fixtures.ts";
import { TOKEN, withHub } from "../data/hub_server.ts";
import { serving } from "../data/server.ts";
import { drawnTensors } from "../export/drawn_encoder.ts";
import { isAvailable, withBucket } from "../s3/bucket.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

const images = Array.from({ length: 16 }, (_, seed) => png(gradient(20, 20, { seed })));
const parquet = new Uint8Array(parquetWriteBuffer({
  columnData: [{ name: "image", data: images, type: "BYTE_ARRAY" }],
}));

/** Trains for a step on `data` as `./run` does, and returns all that the run says and writes. */
async function trained(data: string, more: string[] = []): Promise<string> {
  const command = "train";
  const folder = await Deno.makeTempDir(), out = join(folder, "run");
  const tiny =
    "--backbone resnet8 --size 16 --batch 8 --steps 1 --hidden 16 --projection 8 --holdout 0 --kernels default";
  const args = ["--data", data, ...tiny.split(" "), "--out", out, ...more];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-q",
      "--no-prompt",
      "--no-check",
      `-P=${command}`,
      ...grantsOf(command, args),
      "train.ts",
      ...args,
    ],
    cwd: root,
    stdin: "null",
  }).output();
  const texts = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, texts.join("\n"));
  for (const { name, isFile } of Deno.readDirSync(out)) {
    if (isFile) texts.push(new TextDecoder("latin1").decode(await Deno.readFile(join(out, name))));
  }
  await Deno.remove(folder, { recursive: true });
  return texts.join("\n");
}

Deno.test("./run train may read a hub's data set, and keeps the token out of all files", async () => {
  const repository = { commits: { c0ffee: { "train.parquet": parquet } }, revisions: { main: "c0ffee" } };
  await withHub({ "me/set": { ...repository, access: "gated" } }, async ({ stored }) => {
    const text = await trained("hf://datasets/me/set");
    assert(text.includes("from hf://datasets/me/set@c0ffee"), "the run does not name the commit");
    assert(stored.length > 0 && !text.includes(TOKEN), "the token is in the run's files");
  }, { token: TOKEN });
});

Deno.test({
  name: "./run train may read a bucket, and keeps the keys out of all files",
  ignore: !isAvailable,
  async fn() {
    const files = Object.fromEntries(images.map((bytes, i) => [`set/${"ab"[i % 2]}/${i}.png`, bytes]));
    await withBucket(files, async () => {
      const text = await trained("s3://data/set");
      assert(!text.includes("S3RVER"), "the keys are in the run's files");
    });
  },
});

Deno.test("./run train keeps the signatures of addresses out of all files, of images and of weights", async () => {
  const archive = tar(images.map((bytes, i) => tarEntry(`${i}.png`, bytes)));
  const tensors = drawnTensors({ config: backbones.resnet8, stem: "cifar" }, 3);
  const weights = concatBytes([...encodeSafetensors({ tensors })]);
  await serving({ "set.tar": archive, "w.safetensors": weights }, {}, async (base) => {
    const signed = (name: string) => `${base.replace("//", "//me:passw0rd@")}/${name}?X-Amz-Signature=c0ffee`;
    const text = await trained(signed("set.tar"), ["--init", signed("w.safetensors")]);
    assert(
      text.includes("/set.tar") && !/c0ffee|passw0rd|Signature/.test(text),
      "the signature is in the run's files",
    );
    assert(text.includes(`"init": "${base}/w.safetensors"`), "config.json does not name the weights");
    assert(
      text.includes("does not say how images are prepared; assumed: mean 0.485, 0.456, 0.406"),
      "the run does not tell how images are normalized",
    );
    const fact = /"weights": \{\s*"from": "(.*)",\s*"mean": \[\s*0\.485,/.exec(text);
    assertEquals(fact?.[1], `${base}/w.safetensors`);
  });
});
