import { create } from "zustand";

export const routes = ["explore", "edit", "morph", "teach", "watch"] as const;
/** A part of the page; its address is #name, so that going back works. */
export type Route = (typeof routes)[number];

const fromAddress = (): Route => {
  const name = location.hash.slice(1);
  return routes.find((route) => route === name) ?? "explore";
};

export const useRoute = create<{ readonly route: Route }>(() => ({ route: fromAddress() }));

addEventListener("hashchange", () => useRoute.setState({ route: fromAddress() }));

export function goTo(route: Route): void {
  location.hash = route;
}
