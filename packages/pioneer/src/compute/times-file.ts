// What was measured of this machine, kept from one run to the next.
import { z } from "zod";
import { refusalOf } from "../base/disk.ts";
import { parseJson, readTextSync } from "../base/read.ts";
import { writeWhole } from "../base/write.ts";
import type { LayerTimes } from "./convolution-choice.ts";

/** The name of the file in the folder of caches. */
export const timesFileName = "convolution-times.json";

/** 1 also held times of several threads that were measured beside other work; 2 those of Winograd's convolutions before blocks. */
const format = 3;

const seconds = z.number().positive();
const passTimes = z.strictObject({ forward: seconds, toData: seconds, toWeights: seconds });
const schema = z.strictObject({
  format: z.literal(format),
  /** By machine, then by layer, then by way. */
  machines: z.record(z.string(), z.record(z.string(), z.record(z.string(), passTimes))),
});

type TimesFile = z.infer<typeof schema>;

/** What such a file holds; one that is missing, damaged or of another format holds nothing. */
function readFile(path: string): TimesFile {
  const empty: TimesFile = { format, machines: {} };
  try {
    return schema.safeParse(parseJson(readTextSync(path))).data ?? empty;
  } catch {
    return empty;
  }
}

/** What is known of a machine, by layer. @param machine its name, with all that the times depend on */
export const readTimes = (path: string, machine: string): Map<string, LayerTimes> =>
  new Map(Object.entries(readFile(path).machines[machine] ?? {}));

/**
 * Adds times to the file; those of other machines, layers and ways stay.
 * @returns why the disk refused, where it did: measuring again costs a second or two
 */
export async function addTimes(
  path: string,
  machine: string,
  times: ReadonlyMap<string, LayerTimes>,
): Promise<string | undefined> {
  const { machines } = readFile(path);
  const known = machines[machine] ?? {};
  const added = [...times].map(([layer, ways]) => [layer, { ...known[layer], ...ways }] as const);
  const file = { format, machines: { ...machines, [machine]: { ...known, ...Object.fromEntries(added) } } };
  try {
    await writeWhole(path, Buffer.from(`${JSON.stringify(file, null, 1)}\n`));
    return undefined;
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    return refusal;
  }
}
