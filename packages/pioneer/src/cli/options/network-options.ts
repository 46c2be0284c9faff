import { oneOf, option, text } from "../../config/option-schema.ts";
import { channelOrders, ranges } from "../../onnx/choices.ts";

/**
 * Options that say how an ONNX file of the user's takes pictures and what it gives: --NAME-range, --NAME-channels,
 * --NAME-layer.
 * @param name   of the option with the file, in camelCase
 * @param group  their heading in the help
 * @param result what is wanted of the network
 */
export function networkOptions<const Name extends string>(name: Name, group: string, result: string) {
  const options = {
    Range: option(oneOf(ranges).optional(), {
      value: "RANGE",
      group,
      description: "values it takes",
      default: "what its file says",
    }),
    Channels: option(oneOf(channelOrders).optional(), {
      value: "ORDER",
      group,
      description: "order of the channels it takes",
      default: "what its file says, else rgb",
    }),
    Layer: option(text("an output of the network").optional(), {
      value: "NAME",
      group,
      description: `output with ${result}, where there are several`,
    }),
  };
  type Named = { [key in keyof typeof options as `${Name}${key}`]: (typeof options)[key] };
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [`${name}${key}`, value])) as Named;
}
