// openapi.json describes the server that there is; and whatever is sent to what it describes is answered in order.
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Pioneer } from "pioneer-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ImagesAnswer } from "../../src/shared/computing.ts";
import { problemSchema } from "../../src/shared/models.ts";
import { type Answer, ask, fixture, inRepository, openStudio, postJson } from "../support/studio.ts";

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}
interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
}
type Api = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

const written = JSON.parse(readFileSync(inRepository("packages/studio/openapi.json"), "utf8")) as Api;
const folder = mkdtempSync(join(tmpdir(), "pioneer-studio-fuzz-"));
let studio: Awaited<ReturnType<typeof openStudio>>;
beforeAll(async () => {
  cpSync(fixture("model-tiny"), join(folder, "model-tiny"), { recursive: true });
  const models = [join(folder, "model-tiny")];
  studio = await openStudio({ models, runs: join(folder, "runs"), cache: join(folder, "cache") });
});
afterAll(async () => {
  await studio.close();
  rmSync(folder, { recursive: true });
});

test("openapi.json is what the server says of itself: node packages/studio/scripts/openapi.js writes it", async () => {
  expect((await ask(`${studio.url}/api/openapi.json`)).json()).toEqual(written);
});

/** Values that a schema takes, and beside them some that it does not. */
function anyValue(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 9, arbitrary: fitting(schema) }, { weight: 1, arbitrary: fc.jsonValue() });
}

function fitting(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(anyValue));
  const { minimum = -1e9, maximum = 1e9, minItems = 0 } = schema;
  switch (schema.type) {
    case "object": {
      const properties = Object.entries(schema.properties ?? {}).map(([name, of]) => [name, anyValue(of)] as const);
      if (properties.length === 0) return fc.dictionary(fc.string({ maxLength: 12 }), fc.jsonValue());
      return fc.record(Object.fromEntries(properties), { requiredKeys: [] });
    }
    case "array":
      return fc.array(anyValue(schema.items ?? {}), {
        minLength: minItems,
        maxLength: Math.min(schema.maxItems ?? 20, 20),
      });
    case "integer":
      return fc.integer({ min: Math.max(minimum, -1e9), max: Math.min(maximum, 1e9) });
    case "number":
      return fc.double({ min: minimum, max: maximum, noNaN: true });
    case "boolean":
      return fc.boolean();
    case "string":
      return fc.oneof(
        fc.string(),
        fc.constantFrom("model-tiny", "procedural:faces", "../..", "--force", "\0", "a".repeat(500)),
      );
    default:
      return fc.jsonValue();
  }
}

/** A name in an address: one that there is, or any. */
const part = fc.oneof(
  fc.constantFrom("model-tiny", "config.json", "best", "first"),
  fc.string({ maxLength: 40 }),
  fc.constantFrom("..", "%00", "a/b"),
);

const bodyOf = ({ requestBody }: Operation): fc.Arbitrary<{ type: string; body: string | Uint8Array } | undefined> => {
  const given = Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) =>
    type === "application/json"
      ? fc
          .oneof(
            anyValue(schema).map((value) => JSON.stringify(value) ?? "null"),
            fc.string(),
          )
          .map((body) => ({ type, body }))
      : fc.uint8Array({ maxLength: 4096 }).map((body) => ({ type: type.replace("*", "png"), body })),
  );
  return given.length === 0 ? fc.constant(undefined) : fc.oneof(...given);
};

/** Whatever is refused is refused in one line; nothing is unexpected. */
function checkAnswer({ status, headers, json }: Answer): void {
  const isFine = (status >= 200 && status < 300) || (status >= 400 && status < 500) || status === 503;
  expect(isFine, `status ${status}`).toBe(true);
  if (status < 400) return;
  expect(headers["content-type"]).toMatch(/^application\/json/);
  const { error } = problemSchema.parse(json());
  expect(error.code).not.toBe("UNEXPECTED");
  expect(error.message).toMatch(/^.+$/);
}

const operations = Object.entries(written.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);
// An answer of events has no end.
const ending = operations.filter(({ path }) => path !== "/api/events");

test.each(ending)("$method $path: whatever it is sent, it answers in order", async ({ method, path, operation }) => {
  const names = (operation.parameters ?? []).filter((each) => each.in === "path").map(({ name }) => name);
  const query = (operation.parameters ?? []).filter((each) => each.in === "query").map(({ name }) => name);
  const requests = fc.record({
    names: fc.tuple(...names.map(() => part)),
    query: fc.record(Object.fromEntries(query.map((name) => [name, fc.string()])), { requiredKeys: [] }),
    body: bodyOf(operation),
  });
  // Each start or plan of a run is a process.
  const numRuns = method === "POST" && path === "/api/runs" ? 10 : 40;
  await fc.assert(
    fc.asyncProperty(requests, async (request) => {
      const filled = names.reduce(
        (text, name, i) => text.replace(`{${name}}`, encodeURIComponent(request.names[i] ?? "")),
        path,
      );
      const search = new URLSearchParams(request.query as Record<string, string>).toString();
      const { type, body } = request.body ?? {};
      const headers = { ...(type !== undefined && { "Content-Type": type }) };
      checkAnswer(
        await ask(`${studio.url}${filled}${search && `?${search}`}`, {
          method,
          headers,
          ...(body !== undefined && { body }),
        }),
      );
    }),
    { numRuns, seed: 7 },
  );
});

test("after all that, the model computes as before", async () => {
  expect((await ask(`${studio.url}/api/models`)).json()).toMatchObject([{ id: "model-tiny", usable: true }]);
  const sample = await postJson(`${studio.url}/api/models/model-tiny/sample`, { seed: 5 });
  const model = await Pioneer.load(fixture("model-tiny"));
  const [png] = (await model.sample(1, 5, { as: "png" })).images;
  expect((sample.json() as ImagesAnswer).images).toEqual([Buffer.from(png as Uint8Array).toString("base64")]);
  await model.dispose();
});
