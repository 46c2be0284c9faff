// Tensors at any depth of objects and arrays, for work that must not forget one of them.
import { Tensor } from "pioneer-torch";

/** All tensors by their places, such as "x" or "zGenerator.0". @throws TypeError at anything that can hold none */
export function tensorsIn(tree: object): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  walk(tree, [], (tensor, place) => {
    found.set(place.join("."), tensor);
    return tensor;
  });
  return found;
}

/** The same tree with other tensors in the places of its own. @throws as tensorsIn */
export const mapTensors = <Tree extends object>(tree: Tree, make: (tensor: Tensor) => Tensor): Tree =>
  walk(tree, [], make) as Tree;

function walk(
  tree: unknown,
  place: readonly string[],
  make: (tensor: Tensor, place: readonly string[]) => Tensor,
): unknown {
  if (tree instanceof Tensor) return make(tree, place);
  if (Array.isArray(tree)) return tree.map((part, i) => walk(part, [...place, `${i}`], make));
  if (typeof tree !== "object" || tree === null || Object.getPrototypeOf(tree) !== Object.prototype) {
    throw new TypeError(
      `${place.join(".")} is ${String(tree)}: only tensors, and objects and arrays of them, can be here`,
    );
  }
  return Object.fromEntries(Object.entries(tree).map(([name, part]) => [name, walk(part, [...place, name], make)]));
}
