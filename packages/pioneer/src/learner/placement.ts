// Weights are drawn and read on the CPU, so that a seed means the same everywhere; from there they move to the device.
import { type Device, keep, noGrad, scope, type Tensor } from "pioneer-torch";
import type { Network } from "../networks/network.ts";
import type { Learner } from "./learner.ts";

/** Moves everything a learner holds; it trains there from now on, and a checkpoint of it can be read anywhere. */
export function placeLearner(learner: Learner, device: Device): void {
  const { generator, encoder, generatorEma, encoderEma, optimisers, pool } = learner;
  for (const network of [generator, encoder, generatorEma]) placeNetwork(network, device);
  if (encoderEma) placeNetwork(encoderEma, device);
  for (const { state } of Object.values(optimisers)) {
    for (const moments of state.values()) {
      moments.firstMoment &&= placed(moments.firstMoment, device);
      moments.secondMoment = placed(moments.secondMoment, device);
    }
  }
  pool.images &&= placed(pool.images, device);
}

/** Moves parameters, and the encoder's u. */
export function placeNetwork(network: Network & { readonly u?: Map<string, Tensor> }, device: Device): void {
  for (const tensors of [network.parameters, network.u ?? new Map<string, Tensor>()]) {
    for (const [name, value] of tensors) tensors.set(name, placed(value, device));
  }
}

/** The tensor itself where it lies there already; else a leaf there, and the old one is freed. */
function placed(value: Tensor, device: Device): Tensor {
  if (value.device === device) return value;
  const wanted = value.requiresGrad;
  const moved = scope(() => keep(noGrad(() => value.detach().to(device))));
  value.dispose();
  return wanted ? moved.requiresGrad_() : moved;
}
