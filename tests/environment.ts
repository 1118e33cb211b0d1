/** Environment variables for tests. */
import { setEnvironmentVariable } from "../src/base/environment.ts";

/** What a developer's machine may have set: no test reads it. */
const NO_FILES = { AWS_CONFIG_FILE: "/dev/null", AWS_SHARED_CREDENTIALS_FILE: "/dev/null" };

/** Calls `act` with these variables; undefined ones are unset. */
export async function withEnvironment(
  variables: Record<string, string | undefined>,
  act: () => Promise<void>,
): Promise<void> {
  const all = { ...NO_FILES, ...variables };
  const before = Object.keys(all).map((name) => [name, Deno.env.get(name)] as const);
  try {
    for (const [name, value] of Object.entries(all)) setEnvironmentVariable(name, value);
    await act();
  } finally {
    for (const [name, value] of before) setEnvironmentVariable(name, value);
  }
}
