// An ONNX graph computed by libtorch, so that gradients pass through it. As soon as its inputs are known a node is computed, once:
// constants when the graph is loaded, what depends on some inputs alone when those are given.
import { type Device, keep, noGrad, scope, Tensor, TorchError } from "pioneer-torch";
import { Attributes } from "./attributes.ts";
import { describe, type Graph, type GraphNode, shown, UnsupportedError } from "./graph-file.ts";
import { type Compute, isWhole, operators, toValue, type Value } from "./operators.ts";

interface Step {
  readonly node: GraphNode;
  readonly compute: Compute;
}

type Values = Map<string, Value>;

export class TorchGraph {
  readonly #steps: readonly Step[];
  /** What the steps need beside the inputs that are still to come. */
  readonly #values: ReadonlyMap<string, Value>;
  /** Tensors that go with it: those made for it, not those of the graph it comes from. */
  readonly #owned: readonly Tensor[];
  readonly #output: string;

  private constructor(steps: readonly Step[], values: ReadonlyMap<string, Value>, owned: Tensor[], output: string) {
    this.#steps = steps;
    this.#values = values;
    this.#owned = owned;
    this.#output = output;
  }

  /**
   * Takes what one output needs, and reads every node of it.
   * @throws UnsupportedError naming the first node that is not supported, and why
   */
  static load({ nodes, constants }: Graph, output: string, device: Device): TorchGraph {
    const needed = nodesOf(nodes, output);
    const used = new Set([output, ...needed.flatMap(({ inputs }) => inputs)]);
    for (const node of needed) checkShape(node);
    return scoped(() => {
      const values: Values = new Map();
      for (const [name, constant] of constants) if (used.has(name)) values.set(name, on(device, toValue(constant)));
      const steps: Step[] = [];
      for (const node of needed) {
        const compute = read(node, values, device);
        steps.push(...advance([{ node, compute }], values));
      }
      return TorchGraph.#rest(steps, values, output, new Set());
    });
  }

  /** Inputs that its output depends on, of those that are still to come. */
  get inputs(): ReadonlySet<string> {
    const made = new Set([...this.#values.keys(), ...this.#steps.flatMap(({ node }) => node.outputs)]);
    return new Set(this.#steps.flatMap(({ node }) => node.inputs.filter((name) => name !== "" && !made.has(name))));
  }

  /**
   * The rest of the graph once some inputs are known; no gradient passes to them.
   * @param inputs by name; they pass to the result, which the caller disposes of before this graph
   */
  fix(inputs: ReadonlyMap<string, Tensor>): TorchGraph {
    return scoped(() => {
      const values: Values = new Map<string, Value>([...this.#values, ...inputs]);
      return TorchGraph.#rest(advance(this.#steps, values), values, this.#output, new Set(this.#values.values()));
    });
  }

  /** The output for all inputs that are still to come; gradients pass to them. */
  compute(inputs: ReadonlyMap<string, Tensor>): Tensor {
    return scope(() => {
      const values: Values = new Map<string, Value>([...this.#values, ...inputs]);
      advance(this.#steps, values);
      const result = values.get(this.#output);
      if (!result || isWhole(result)) throw new UnsupportedError(`its output ${shown(this.#output)} is not float32`);
      return result;
    });
  }

  dispose(): void {
    for (const tensor of this.#owned) tensor.dispose();
  }

  /** What is left to compute, with the values that it needs. @param others values that belong to another graph */
  static #rest(steps: readonly Step[], values: Values, output: string, others: ReadonlySet<Value>): TorchGraph {
    const used = new Set([output, ...steps.flatMap(({ node }) => node.inputs)]);
    const needed = new Map([...values].filter(([name]) => used.has(name)));
    const owned = [...needed.values()].filter((value) => value instanceof Tensor && !others.has(value)) as Tensor[];
    for (const tensor of owned) keep(tensor);
    return new TorchGraph(steps, needed, owned, output);
  }
}

const scoped = (body: () => TorchGraph): TorchGraph => noGrad(() => scope(body));

const on = (device: Device, value: Value): Value => (isWhole(value) ? value : value.to(device));

/** The nodes that an output comes from, in their order. */
function nodesOf(nodes: readonly GraphNode[], output: string): GraphNode[] {
  const wanted = new Set([output]);
  const found: GraphNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    for (const name of node.inputs) wanted.add(name);
    found.push(node);
  }
  return found.reverse();
}

function checkShape(node: GraphNode): void {
  const known = operators.get(node.operator);
  const what = describe(node);
  if (!known) {
    throw new UnsupportedError(
      `${what}: gradients are known of the operators ${[...operators.keys()].sort().join(", ")} only; docs/refine.md says more`,
    );
  }
  const [fewest, most] = known.inputs;
  const given = node.inputs.findLastIndex((name) => name !== "") + 1;
  if (given < fewest || given > most || node.inputs.slice(0, fewest).includes("")) {
    const wanted = fewest === most ? `${fewest}` : `${fewest} to ${most}`;
    throw new UnsupportedError(`${what}: has ${given} inputs, supported are ${wanted}`);
  }
  if (node.outputs.slice(1).some((name) => name !== "")) {
    throw new UnsupportedError(`${what}: has ${node.outputs.length} outputs, supported is 1`);
  }
}

function read(node: GraphNode, values: ReadonlyMap<string, Value>, device: Device): Compute {
  return naming(node, () => {
    const attributes = new Attributes(node);
    const known = node.inputs.map((name) => values.get(name));
    const compute = operators.get(node.operator)?.read(attributes, known) as Compute;
    attributes.end();
    return node.operator === "Constant" ? () => on(device, compute()) : compute;
  });
}

/** Computes each step whose inputs are known and adds what it gives to them. @returns the other steps */
function advance(steps: readonly Step[], values: Values): Step[] {
  return steps.filter(({ node, compute }) => {
    const inputs = node.inputs.map((name) => (name === "" ? undefined : values.get(name)));
    if (node.inputs.some((name, i) => name !== "" && inputs[i] === undefined)) return true;
    values.set(
      node.outputs[0] as string,
      naming(node, () => compute(...inputs)),
    );
    return false;
  });
}

/** What goes wrong in a node, with its name before it. */
function naming<T>(node: GraphNode, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UnsupportedError || error instanceof TorchError)) throw error;
    throw new UnsupportedError(`${describe(node)}: ${error.message}`, { cause: error });
  }
}
