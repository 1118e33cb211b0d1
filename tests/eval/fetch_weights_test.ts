/** Weights on servers and hubs: downloads that break, lie, are refused or are none; the cache. */
import { dirname, join } from "node:path";
import { fetchWeights } from "../../src/eval/fetch_weights.ts";
import { openEncoder } from "../../src/eval/open_encoder.ts";
import { UserError } from "../../src/base/errors.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import { exists } from "../../src/base/files.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { TOKEN, withHub } from "../data/hub_server.ts";
import { type Faults, serving } from "../data/server.ts";
import { encodeSafetensors } from "../../src/io/safetensors.ts";
import { backbones } from "../../src/nn/backbones.ts";
import { withEnvironment } from "../environment.ts";
import { drawnTensors } from "../export/drawn_encoder.ts";

const retryPolicy = { attempts: 4, delayMs: 1, maxDelayMs: 2, idleTimeoutMs: 300 };
const tensors = drawnTensors({ config: backbones.resnet8, stem: "cifar" }, 3);
const weights = concatBytes([...encodeSafetensors({ tensors })]);
const name = "resnet8.safetensors";

/** Calls `test` with an empty cache folder. */
async function withCache(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await withEnvironment({ BYOL_CACHE: folder }, () => test(folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Serves the weights with `faults` and an empty cache. */
const served = (faults: Faults, test: (url: string, log: string[], faults: Faults) => Promise<void>) =>
  withCache(() =>
    serving({ [name]: weights }, faults, (base, log, now) => test(`${base}/${name}`, log, now))
  );

const fetched = async (url: string, options = {}) =>
  await Deno.readFile((await fetchWeights(url, { retryPolicy, ...options })).path);

Deno.test("fetchWeights() gets the same bytes over broken connections, with and without Range and lengths", async () => {
  const random = keyedRandom(5);
  for (const range of [true, false]) {
    for (const chunked of [false, true]) {
      const faults = { range, chunked, breaks: 3, head: random.chance(0.5), seed: random.integer(99) };
      await served(faults, async (url) => {
        const progress: [number, number | null][] = [];
        const onDownload = (done: number, total: number | null) => void progress.push([done, total]);
        assertEquals(await fetched(url, { onDownload }), weights);
        const done = progress.map(([done]) => done);
        assertEquals(done, [...done].sort((a, b) => a - b));
        assertEquals(progress.at(-1), [weights.length, chunked ? null : weights.length]);
      });
    }
  }
});

Deno.test("fetchWeights() downloads a file once for several that ask for it", async () => {
  await served({}, async (url, log) => {
    const lines: string[] = [],
      all = Array.from({ length: 4 }, () => fetched(url, { log: (line: string) => void lines.push(line) }));
    for (const bytes of await Promise.all(all)) assertEquals(bytes, weights);
    assertEquals(log.filter((line) => line.startsWith("GET")).length, 1);
    assert(lines.includes(`Another process is downloading ${url}: waiting for it`), lines.join("\n"));
  });
});

Deno.test("fetchWeights() keeps what has come, and goes on from there the next time", async () => {
  await served({ cut: 4000 }, async (url, log, faults) => {
    await assertThrows(
      () => fetched(url, { onDownload: () => void (faults.always = 503) }), // the server goes away
      UserError,
      new RegExp(
        `Cannot download ".*${name}": 4 attempts .* of ${weights.length} bytes have come and are kept. Run the same command`,
      ),
    );
    const before = log.length;
    delete faults.cut;
    delete faults.always;
    assertEquals(await fetched(url), weights);
    const gets = log.slice(before).filter((line) => line.startsWith("GET"));
    assert(gets.length === 1 && / \d{4,}-$/.test(gets[0]), gets.join("\n"));
    // From the cache: the server is asked for the version only.
    const { length } = log;
    assertEquals(await fetched(url), weights);
    assertEquals(log.slice(length).map((line) => line.split(" ")[0]), ["HEAD"]);
  });
});

Deno.test("fetchWeights() refuses a length that is too large, and downloads another version anew", async () => {
  await served({ longer: 100 }, async (url, _, faults) => {
    await assertThrows(() => fetched(url), UserError, /bytes have come and are kept/);
    faults.longer = 0;
    assertEquals(await fetched(url), weights);
    faults.etag = "other";
    const again: string[] = [];
    const { path } = await fetchWeights(url, { retryPolicy, log: (line) => void again.push(line) });
    assert(again[0].startsWith("Downloading"), again.join());
    assertEquals(await Deno.readFile(path), weights);
  });
});

Deno.test("fetchWeights() takes the last copy where the server does not answer, and says so", async () => {
  const lines: string[] = [], log = (line: string) => void lines.push(line);
  await served({}, async (url, _, faults) => {
    assertEquals(await fetched(url), weights);
    faults.always = 503;
    assertEquals(await fetched(url, { log }), weights);
    assert(/does not answer: taking what was downloaded before/.test(lines.join()), lines.join());
    faults.always = 404;
    await assertThrows(() => fetched(url), UserError, /answers with status 404/);
  });
});

Deno.test("fetchWeights() says why a server does not answer", async () => {
  await withCache(async () => {
    const closed = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => new Response());
    const url = `http://127.0.0.1:${closed.addr.port}/a.pth`;
    await closed.shutdown();
    await assertThrows(
      () => fetched(`${url}?token=secret`),
      UserError,
      new RegExp(
        `^Cannot download "${url}": 4 attempts failed, the last with "client error \\(Connect\\): .*refused[^/]*"\\. Check the ` +
          "address and the network, then run the same command again\\.$",
      ),
    );
  });
});

Deno.test("fetchWeights() refuses what is no weights before it is downloaded", async () => {
  const page = new TextEncoder().encode(`<!doctype html><title>Sign in</title>${" ".repeat(5000)}`);
  await withCache(async (cache) => {
    await serving({ "a.pth": page, "b.pth": new Uint8Array() }, {}, async (base) => {
      const fails = (spec: string, message: RegExp) => assertThrows(() => fetched(spec), UserError, message);
      await fails(`${base}/a.pth`, /it is a web page \(HTML\).*“Sign in”/);
      await fails(`${base}/b.pth`, /it is empty/);
      await fails(`${base}/weights.zip`, /its name is none of weights, \.safetensors, \.pth or \.pt/);
      await fails("s3://bucket/a.pth", /expected https:\/\/, http:\/\/ or hf:\/\//);
      await fails("https://huggingface.co/me/net/blob/main/a.pth", /Give "hf:\/\/me\/net\/a\.pth"/);
    });
    const files = await Array.fromAsync(Deno.readDir(cache));
    assertEquals(files.map(({ name }) => name), ["weights"]);
  });
});

Deno.test("openEncoder() removes a damaged download, so that the next one can be whole", async () => {
  await withCache(() =>
    serving({ [name]: weights.subarray(0, weights.length - 8) }, {}, async (base) => {
      const encoder = `${base}/${name}`;
      await assertThrows(
        () => openEncoder({ encoder, retryPolicy }, null),
        UserError,
        /bytes for its tensors/,
      );
      const lines: string[] = [];
      await assertThrows(
        () => openEncoder({ encoder, retryPolicy, log: (line) => void lines.push(line) }, null),
        UserError,
        /bytes for its tensors/,
      );
      assert(lines[0].startsWith("Downloading"), lines.join());
    })
  );
});

const config = JSON.stringify({ architecture: "resnet18", pretrained_cfg: { mean: [0.5, 0.4, 0.3] } });
const text = (value: string) => new TextEncoder().encode(value);
const model = {
  commits: { c0ffee: { [name]: weights, "config.json": text(config) } },
  revisions: { main: "c0ffee" },
};

Deno.test("fetchWeights() reads a model on a hub: its usual file, at a commit, with config.json", async () => {
  const [main, v1] = [{ "model.safetensors": weights, "pytorch_model.bin": text("no") }, {
    "pytorch_model.bin": weights,
  }];
  const repository = {
    commits: {
      c0ffee: { ...main, "config.json": text(config), [`old/${name}`]: weights },
      f00d: v1,
      bad: { "a.pth": weights, "b.pth": weights },
    },
    revisions: { main: "c0ffee", "v1": "f00d", two: "bad" },
  };
  await withCache(() =>
    withHub({ "me/net": repository, "me/one": model }, async ({ log }) => {
      const named = async (spec: string) => (await fetchWeights(spec, { retryPolicy })).name;
      assertEquals(await named("hf://me/net"), "hf://me/net@c0ffee/model.safetensors");
      assertEquals(await named("hf://me/net@v1"), "hf://me/net@f00d/pytorch_model.bin");
      assertEquals(await named(`hf://me/net/old/${name}`), `hf://me/net@c0ffee/old/${name}`);
      assertEquals(await named("hf://me/one"), `hf://me/one@c0ffee/${name}`); // its only weights
      const { path } = await fetchWeights("hf://me/net", { retryPolicy });
      assertEquals(await Deno.readTextFile(join(dirname(path), "config.json")), config);
      assertEquals(
        await exists(join(dirname((await fetchWeights("hf://me/net@v1", {})).path), "config.json")),
        false,
      );
      assert(log.every((line) => !line.includes("datasets")), log.join("\n"));
      const fails = (spec: string, message: RegExp) => assertThrows(() => named(spec), UserError, message);
      await fails("hf://me/net@two", /neither model\.safetensors nor pytorch_model\.bin, but a\.pth, b\.pth/);
      await fails(
        "hf://me/net/gone.pth",
        /it has no file "gone\.pth", but model\.safetensors, pytorch_model\.bin/,
      );
      await fails("hf://me/net@v9", /it has no revision "v9"/);
      await fails("hf://me/gone", /there is no such model, or it is private/);
      await fails("hf://datasets/me/net", /it is a data set, expected hf:\/\/OWNER\/NAME/);
      await fails("hf://net", /expected hf:\/\/OWNER\/NAME/);
    })
  );
});

Deno.test("fetchWeights() says how to get a gated model, and reads it with HF_TOKEN", async () => {
  const repositories = { "me/net": { ...model, access: "gated" as const } };
  await withCache(async () => {
    const get = () => fetched("hf://me/net");
    await withHub(repositories, async () => {
      await assertThrows(
        get,
        UserError,
        /the model is gated\. Accept its terms at .*\/me\/net, then set HF_TOKEN/,
      );
    });
    await withHub(repositories, async ({ stored }) => {
      assertEquals(await get(), weights);
      assert(!stored.join().includes(TOKEN), "the storage got the token");
    }, { token: TOKEN });
  });
});

Deno.test("fetchWeights() refuses content that is not what the hub announced", async () => {
  await withCache(() =>
    withHub({ "me/net": model }, async ({ contents }) => {
      const fetching = fetchWeights("hf://me/net", {
        retryPolicy,
        log() {
          const [id] = Object.keys(contents), other = weights.slice();
          other[weights.length - 1] ^= 1;
          Object.defineProperty(contents, id, { get: () => other, set() {} });
        },
      });
      await assertThrows(
        () => fetching,
        UserError,
        /its SHA-256 is .*, the server announced .* Download it again/,
      );
    })
  );
});

Deno.test("fetchWeights() follows a redirect, to another host only with its permission", async () => {
  await withCache((cache) =>
    serving({ [name]: weights }, {}, async (base) => {
      const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
      await using front = Deno.serve(options, () => Response.redirect(`${base}/${name}`));
      const host = `127.0.0.1:${front.addr.port}`, url = `http://${host}/w.pth`;
      assertEquals(await fetched(url), weights);
      await Deno.remove(join(cache, "weights"), { recursive: true });
      const program = `import { fetchWeights } from "${new URL(
        "../../src/eval/fetch_weights.ts",
        import.meta.url,
      )}";
        try {
          await fetchWeights("${url}", {});
        } catch (error) {
          console.log(error.name, error.message);
        }`;
      const script = join(await Deno.makeTempDir(), "fetch.ts");
      await Deno.writeTextFile(script, program);
      const args = ["run", "-q", "--no-prompt", "--no-check", "-RWE", `--allow-net=${host}`, script];
      const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
      await Deno.remove(dirname(script), { recursive: true });
      const other = new URL(base).host;
      assertEquals(
        new TextDecoder().decode(stdout).trim(),
        `UserError Cannot download "${url}": its server refers to ${other}, for which Deno was started without ` +
          `--allow-net. Give the address there, or download the file and give its path.`,
      );
    })
  );
});
