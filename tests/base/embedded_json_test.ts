import { embeddedJson } from "../../src/base/embedded_json.ts";
import { assert, assertEquals } from "../assert.ts";

Deno.test("embeddedJson() has nothing that ends a script, and reads as the same value", () => {
  const value = ["</script>", "<!--", "\u2028\u2029", "😀"], text = embeddedJson(value);
  assert(!text.includes("<"));
  assertEquals(JSON.parse(text), value);
});
