// Builds passkey_manager_js.wasm, or the file that is named as the argument.
//
// The interfaces come from the workspace's `wit` folder, as they do for the components
// in Rust; `world.wit` adds the two interfaces of WASI that this one needs.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { componentize } from "@bytecodealliance/componentize-js";

const here = dirname(fileURLToPath(import.meta.url));
const interfaces = join(here, "../../wit");
const output = resolve(process.argv[2] ?? join(here, "passkey_manager_js.wasm"));

const wit = mkdtempSync(join(tmpdir(), "wit-"));
try {
  cpSync(join(here, "wit"), wit, { recursive: true });
  for (const folder of readdirSync(interfaces)) {
    mkdirSync(join(wit, "deps", folder), { recursive: true });
    cpSync(join(interfaces, folder), join(wit, "deps", folder), { recursive: true });
  }
  const { component } = await componentize({
    sourcePath: join(here, "src/main.js"),
    witPath: wit,
    worldName: "javascript",
    // Of WASI it needs a clock and randomness, and the host grants no more.
    disableFeatures: ["stdio", "http", "fetch-event"],
  });
  writeFileSync(output, component);
} finally {
  rmSync(wit, { recursive: true });
}
