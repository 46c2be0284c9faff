import "./studio.css";
import { type ComponentType, lazy, Suspense } from "react";
import { EditPanel } from "../edit/edit-panel.tsx";
import { ExplorePanel } from "../explore/explore-panel.tsx";
import { MorphPanel } from "../morph/morph-panel.tsx";
import { useModels } from "../state/models.ts";
import { type Route, useRoute } from "../state/route.ts";
import { TeachPanel } from "../teach/teach-panel.tsx";
import { DropAnywhere } from "./drop-anywhere.tsx";
import { Header } from "./header.tsx";
import { NoModel } from "./no-model.tsx";
import { Notices } from "./notices.tsx";

// Its curves are a third of the page's script.
const WatchPanel = lazy(async () => ({ default: (await import("../watch/watch-panel.tsx")).WatchPanel }));

const panels: Record<Route, ComponentType> = {
  explore: ExplorePanel,
  edit: EditPanel,
  morph: MorphPanel,
  teach: TeachPanel,
  watch: WatchPanel,
};

/** The whole page. */
export function Studio() {
  const route = useRoute((state) => state.route);
  const status = useModels((state) => state.status);
  const hasModel = useModels((state) => state.open !== undefined);
  const Panel = panels[route];
  return (
    <DropAnywhere>
      <Header />
      <main id="main" data-route={route} aria-busy={status === "loading"}>
        <Suspense>{hasModel || route === "watch" ? <Panel /> : <NoModel />}</Suspense>
      </main>
      <Notices />
    </DropAnywhere>
  );
}
