import { oneOf } from "../../config/option-schema.ts";
import { sourceKinds } from "../../data/sources/kinds.ts";

/** What a source of images can be taken for. */
export const sourceKind = oneOf(sourceKinds, { auto: "seen by looking" });
