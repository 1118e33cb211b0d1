/** `s3://` sources on a real S3 server, which s3/server.ts starts; what follows from settings alone, without one. */
import { openSource } from "../../data/sources/open.ts";
import { bucketOf, objectUrl } from "../../data/sources/s3_bucket.ts";
import { addressOf, s3Settings } from "../../data/sources/s3_settings.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { withFolder } from "../data/fixtures.ts";
import { archive, assertResumes, blob, plain, tag, take } from "../data/streaming.ts";
import { zip } from "../data/zip.ts";
import { withEnvironment } from "../environment.ts";
import { isAvailable, withBucket } from "./bucket.ts";

const retryPolicy = { attempts: 4, delayMs: 1, maxDelayMs: 4, idleTimeoutMs: 5000 };
const open = (spec: string, options = {}) => openSource(spec, { retryPolicy, ...options });
const read = async (source: ImageSource) => plain(await take(source, { seed: null }));
const tags = (numbers: number[]) => numbers.map((i) => tag(blob(i))).sort();
const tagsOf = (samples: { tag: string }[]) => samples.map(({ tag }) => tag).sort();
const count = (n: number) => Array.from({ length: n }, (_, i) => i);

/** A test on a server; skipped where its packages cannot be fetched. */
function serverTest(name: string, test: () => Promise<void>): void {
  Deno.test({ name, ignore: !isAvailable, fn: test });
}

const files = {
  "shards/train-000.tar": archive(0, 20),
  "shards/train-001.tar": archive(20, 33),
  "shards/test-000.tar": archive(33, 40),
  "shards/": new Uint8Array(0),
  "a b/ü+1 (x)!*.tar": archive(0, 5),
  "set.zip": await zip({ "x/1.png": blob(1), "y/2.png": blob(2) }),
  "photos/cat/a+b.png": blob(1),
  "photos/cat/c d.png": blob(2),
  "photos/dog/ä~e%41.png": blob(3),
  "photos/dog/notes.txt": blob(4),
  "photos-old/1.png": blob(5),
};

serverTest("openSource() reads objects of S3: one, a prefix, a pattern, with any names", async () => {
  await withBucket(files, async () => {
    const shards = await open("s3://data/shards");
    assertEquals([shards.kind, shards.name], ["streamed", "s3://data/shards"]);
    assertEquals(tagsOf(await read(shards)), tags(count(33)));
    assertEquals(shards.survey!.names.map(({ name, kind }) => [name, kind]), [
      ["test-000.tar", "file of split test"],
    ]);
    await assertResumes(shards, { count: 33, cuts: [0, 19, 20, 60] });
    assertEquals(tagsOf(await read(await open("s3://data/shards/", { split: "test" }))).length, 7);
    assertEquals(tagsOf(await read(await open("s3://data/shards/train-{000..001}.tar"))), tags(count(33)));
    assertEquals(tagsOf(await read(await open("s3://data/shards/*-001.tar"))).length, 13);
    assertEquals(tagsOf(await read(await open("s3://data/shards/train-000.tar"))), tags(count(20)));
    assertEquals(
      tagsOf(await read(await open("s3://data/a b/ü+1 (x)!*.tar"))),
      tags(count(5)),
    );
    const zip = await open("s3://data/set.zip");
    assertEquals([zip.kind, zip.classes, tagsOf(await read(zip))], ["indexed", ["x", "y"], tags([1, 2])]);
    const photos = await open("s3://data/photos");
    assertEquals([photos.kind, photos.length, photos.classes], ["indexed", 3, ["cat", "dog"]]);
    const samples = await read(photos);
    assertEquals(tagsOf(samples), tags([1, 2, 3]));
    assertEquals(
      samples.map(({ key, label }) => `${key} ${label}`).sort(),
      ["cat/a+b.png 0", "cat/c d.png 0", "dog/ä~e%41.png 1"],
    );
    assertEquals(photos.survey!.groups, [{ kind: ".txt", reason: null, count: 1 }]);
    assertEquals((await open("s3://data/photos-")).length, 1);
    await assertThrows(
      () => open("s3://data/none/"),
      UserError,
      /the bucket "data" has no object below "none\/"/,
    );
    await assertThrows(() => open("s3://data/x*.tar"), UserError, /no object that matches the pattern/);
    await assertThrows(() => open("s3://nothing/x"), UserError, /there is no bucket "nothing"/);
    await assertThrows(() => open("s3:///x"), UserError, /expected s3:\/\/BUCKET\/PREFIX/);
  });
});

serverTest("openSource() lists 2,500 objects of S3 in pages, although the server is busy", async () => {
  const many = Object.fromEntries(
    count(2500).map((i) => [`many/${"ab"[i % 2]}/${i}.png`, blob(i, { maxLength: 9 })]),
  );
  await withBucket(many, async ({ answer }) => {
    const busy = { status: 503, code: "SlowDown" };
    await answer([busy, busy]);
    for (const spec of ["s3://data", "s3://data/", "s3://data/many"]) {
      const source = await open(spec);
      assert(source.kind === "indexed", "it is not indexed");
      const keys = count(2500).map((index) => source.key(index).split("/").at(-1)!);
      assertEquals(new Set(keys).size, 2500);
      await answer([busy, busy, busy]);
      for (const index of [0, 1234, 2499]) {
        assertEquals(
          tag((await source.read(index)).bytes),
          tag(blob(parseInt(keys[index]), { maxLength: 9 })),
        );
      }
    }
    await answer(Array(8).fill(busy));
    await assertThrows(() => open("s3://data"), UserError, /4 attempts failed, the last with status 503/);
  });
});

serverTest(
  "openSource() gives an S3 source the same fingerprint on another server, until an object changes",
  async () => {
    const fingerprints: string[][] = [];
    for (const changed of [false, false, true]) {
      await withBucket(files, async ({ put }) => {
        if (changed) {
          await put("photos/cat/a+b.png", blob(1).map((byte) => byte ^ 1));
          await put("shards/train-001.tar", archive(21, 33));
        }
        const specs = ["s3://data/photos", "s3://data/shards"];
        fingerprints.push(await Promise.all(specs.map(async (spec) => (await open(spec)).fingerprint)));
      });
    }
    assertEquals(fingerprints[0], fingerprints[1]);
    assertEquals(fingerprints[2].map((one, i) => one === fingerprints[0][i]), [false, false]);
  },
);

serverTest("openSource() says what S3's refusals mean, without a word of the keys", async () => {
  await withBucket(files, async ({ answer }) => {
    const failsWith = async (refusal: Parameters<typeof answer>[0][number], pattern: RegExp) => {
      await answer([refusal]);
      const error = await open("s3://data/photos").then(() => null, (error) => error);
      assert(error instanceof UserError && pattern.test(error.message), error?.message);
      assert(!error.message.includes("S3RVER"), error.message);
    };
    const headers = { "x-amz-bucket-region": "eu-west-1" };
    await failsWith(
      { status: 301, code: "PermanentRedirect", headers },
      /in the region eu-west-1, not in us-east-1\. Set AWS_REGION=eu-west-1/,
    );
    await failsWith({ status: 400, code: "ExpiredToken" }, /AWS_SESSION_TOKEN has expired/);
    await failsWith({ status: 403, code: "AccessDenied" }, /the keys may not read it \(AccessDenied\)/);
    await failsWith({ status: 403, code: "RequestTimeTooSkewed" }, /the clock/);
  });
  const wrong = { AWS_SECRET_ACCESS_KEY: "wrong/Secret" };
  await withBucket(files, async () => {
    await assertThrows(
      () => open("s3://data/photos"),
      UserError,
      /signature does not match\. Check AWS_SECRET/,
    );
  }, { environment: wrong });
  await withBucket(files, async () => {
    await assertThrows(() => open("s3://data/photos"), UserError, /does not know the key/);
  }, { environment: { AWS_ACCESS_KEY_ID: "unknown" } });
  // The server lets anyone read. Amazon's answer to those who may not:
  await withBucket(files, async ({ answer }) => {
    assertEquals((await open("s3://data/photos")).length, 3);
    await answer([{ status: 403, code: "AccessDenied" }]);
    await assertThrows(() => open("s3://data/photos"), UserError, /it is not public .*Set AWS_ACCESS_KEY_ID/);
  }, { environment: { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined } });
});

serverTest("reading an S3 source throws if an object changes, and goes on after an outage", async () => {
  await withBucket(files, async ({ put, answer }) => {
    const source = await open("s3://data/shards");
    await answer(Array(3).fill({ status: 500, code: "InternalError" }));
    assertEquals((await read(source)).length, 33);
    await put("shards/train-000.tar", archive(1, 21));
    await assertThrows(() => read(source), UserError, /train-000\.tar": it has changed since it was opened/);
  });
});

Deno.test("s3Settings() takes keys, region and endpoint from the environment, else from the profile", async () => {
  const config =
    "[default]\nregion = eu-central-1\n\n[profile lab]\nregion=us-west-2\nendpoint_url = http://lab:9000/\n" +
    "[profile sso]\nsso_session = x\n";
  const credentials = "[default]\naws_access_key_id = A\naws_secret_access_key = B==\n# a comment\n" +
    "[lab]\naws_access_key_id=C\naws_secret_access_key=D\naws_session_token=E\n";
  const none = Object.fromEntries(
    [
      "ACCESS_KEY_ID",
      "SECRET_ACCESS_KEY",
      "SESSION_TOKEN",
      "REGION",
      "DEFAULT_REGION",
      "ENDPOINT_URL",
      "ENDPOINT_URL_S3",
      "PROFILE",
    ]
      .map((name) => [`AWS_${name}`, undefined]),
  );
  await withFolder({ config, credentials }, async (folder) => {
    const files = {
      AWS_CONFIG_FILE: `${folder}/config`,
      AWS_SHARED_CREDENTIALS_FILE: `${folder}/credentials`,
    };
    const settingsIn = async (environment: Record<string, string | undefined>) => {
      let settings;
      await withEnvironment({ ...none, ...files, ...environment }, () => {
        settings = s3Settings();
        return Promise.resolve();
      });
      return settings;
    };
    const [home, lab] = [{ accessKeyId: "A", secretAccessKey: "B==" }, {
      accessKeyId: "C",
      secretAccessKey: "D",
      sessionToken: "E",
    }];
    assertEquals(await settingsIn({}), { keys: home, region: "eu-central-1", endpoint: null });
    assertEquals(await settingsIn({ AWS_PROFILE: "lab" }), {
      keys: lab,
      region: "us-west-2",
      endpoint: "http://lab:9000",
    });
    assertEquals(
      await settingsIn({
        AWS_ACCESS_KEY_ID: "K",
        AWS_SECRET_ACCESS_KEY: "S",
        AWS_DEFAULT_REGION: "a",
        AWS_REGION: "b",
        AWS_ENDPOINT_URL: "http://e",
        AWS_ENDPOINT_URL_S3: "http://s/",
      }),
      { keys: { accessKeyId: "K", secretAccessKey: "S" }, region: "b", endpoint: "http://s" },
    );
    const files0 = { AWS_CONFIG_FILE: `${folder}/none`, AWS_SHARED_CREDENTIALS_FILE: `${folder}/none` };
    assertEquals(await settingsIn(files0), { keys: null, region: null, endpoint: null });
    await assertThrows(
      () => settingsIn({ AWS_PROFILE: "sso" }),
      UserError,
      /the profile "sso" has no keys.*export-credentials/,
    );
  });
});

Deno.test("addressOf() and objectUrl() encode names as signatures want them", () => {
  const settings = { keys: null, region: null, endpoint: null };
  assertEquals(addressOf("my-data", settings), "https://my-data.s3.us-east-1.amazonaws.com");
  assertEquals(
    addressOf("my.data", { ...settings, region: "eu-west-1" }),
    "https://s3.eu-west-1.amazonaws.com/my.data",
  );
  assertEquals(
    addressOf("d", { ...settings, region: "cn-north-1" }),
    "https://d.s3.cn-north-1.amazonaws.com.cn",
  );
  assertEquals(addressOf("d", { ...settings, endpoint: "http://127.0.0.1:9" }), "http://127.0.0.1:9/d");
  const bucket = bucketOf("d", { ...settings, endpoint: "http://h" });
  assertEquals(objectUrl(bucket, "a b/ü+'(1)!*~.jpg"), "http://h/d/a%20b/%C3%BC%2B%27%281%29%21%2A~.jpg");
});
