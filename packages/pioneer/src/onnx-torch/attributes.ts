// Attributes of a node, each read once; what is not read is not supported.
import { type AttributeProto, attributeTypes } from "../onnx/messages.ts";
import { type Constant, constantOf, type GraphNode, shown, UnsupportedError } from "./graph-file.ts";

type Kind = keyof typeof attributeTypes;

export class Attributes {
  readonly #unread: Map<string, AttributeProto>;

  constructor({ attributes }: Pick<GraphNode, "attributes">) {
    this.#unread = new Map(attributes.map((attribute) => [attribute.name, attribute]));
  }

  has(name: string): boolean {
    return this.#unread.has(name);
  }

  int(name: string, otherwise: number): number {
    return this.#take(name, "int")?.i ?? otherwise;
  }

  /** @param length how many there have to be, if there are any */
  ints(name: string, otherwise: readonly number[], length?: number): readonly number[] {
    const { ints = otherwise } = this.#take(name, "ints") ?? {};
    if (length !== undefined && ints.length !== length) {
      throw new UnsupportedError(`${name} = [${ints.slice(0, 8).join(", ")}] is not supported, only ${length} numbers`);
    }
    return ints;
  }

  float(name: string, otherwise: number): number {
    return this.#take(name, "float")?.f ?? otherwise;
  }

  floats(name: string): readonly number[] {
    return this.#take(name, "floats")?.floats ?? [];
  }

  tensor(name: string): Constant {
    const found = this.#take(name, "tensor")?.t;
    if (!found) throw new UnsupportedError(`has no ${name}`);
    return constantOf(found);
  }

  /** Of what has one supported value, which is also its default. */
  only(name: string, value: number | string): void {
    if (!this.has(name)) return;
    const { i, s } = this.#take(name, typeof value === "number" ? "int" : "string") ?? {};
    const found = typeof value === "number" ? i : Buffer.from(s ?? []).toString();
    if (found !== value) {
      throw new UnsupportedError(`${name} = ${shown(String(found))} is not supported, only ${value}`);
    }
  }

  /** @throws UnsupportedError naming an attribute that nobody asked for */
  end(): void {
    for (const name of this.#unread.keys()) throw new UnsupportedError(`attribute ${shown(name)} is not supported`);
  }

  #take(name: string, kind: Kind): AttributeProto | undefined {
    const found = this.#unread.get(name);
    if (!found) return undefined;
    this.#unread.delete(name);
    if (found.type !== attributeTypes[kind]) throw new UnsupportedError(`attribute ${name} is not of the type ${kind}`);
    return found;
  }
}
